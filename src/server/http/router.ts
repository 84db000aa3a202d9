/** What a path's variable parts matched. */
export interface PathParameters {
  model: string;
  /** Decimal digits, or undefined where the path names no version. */
  version: string | undefined;
  region: string;
}

export interface Match<Handler> {
  readonly handler: Handler;
  readonly parameters: Readonly<PathParameters>;
}

interface Node<Handler> {
  readonly children: Map<string, Node<Handler>>;
  variable: { readonly name: keyof PathParameters | 'repository'; readonly node: Node<Handler> } | undefined;
  methods: Map<string, Handler> | undefined;
}

const noParameters: PathParameters = { model: '', version: undefined, region: '' };

/**
 * Finds the handler of a method and path. Paths match whole, without a slash at the end, as in Triton. Patterns have
 * variables (`:model`, `:version` for digits only, `:region`, `:repository`); a path without variables goes before one
 * with them. No regular expression runs on a request's way.
 */
export class Router<Handler> {
  private readonly exact = new Map<string, Map<string, Handler>>();
  private readonly root: Node<Handler> = createNode();
  /** What was found last: clients mostly ask for the same again. */
  private last: { readonly method: string; readonly path: string; readonly match: Match<Handler> } | undefined;

  add(method: string, pattern: string, handler: Handler): void {
    this.last = undefined;
    if (!pattern.includes(':')) {
      const methods = this.exact.get(pattern) ?? new Map();
      this.exact.set(pattern, methods.set(method, handler));
      return;
    }
    let node = this.root;
    for (const segment of pattern.slice(1).split('/')) {
      if (segment.startsWith(':')) {
        node.variable ??= { name: segment.slice(1) as 'model', node: createNode() };
        node = node.variable.node;
      } else {
        const child = node.children.get(segment) ?? createNode();
        node.children.set(segment, child);
        node = child;
      }
    }
    node.methods ??= new Map();
    node.methods.set(method, handler);
  }

  /** The match; the methods that the path has, where it lacks this one; undefined for an unknown path. */
  find(method: string, path: string): Match<Handler> | { readonly allowed: readonly string[] } | undefined {
    const { last } = this;
    if (last !== undefined && last.path === path && last.method === method) return last.match;
    let methods = this.exact.get(path);
    let parameters: PathParameters = noParameters;
    if (!methods) {
      parameters = { model: '', version: undefined, region: '' };
      methods = walk(this.root, path, 1, parameters);
      if (!methods) return undefined;
    }
    const handler = methods.get(method);
    if (!handler) return { allowed: [...methods.keys()] };
    const match = { handler, parameters };
    this.last = { method, path, match };
    return match;
  }
}

/** Follows `path` from the segment at `start`; fixed segments are tried before variables. */
function walk<Handler>(
  node: Node<Handler>,
  path: string,
  start: number,
  parameters: PathParameters,
): Map<string, Handler> | undefined {
  const slash = path.indexOf('/', start);
  const segment = slash === -1 ? path.slice(start) : path.slice(start, slash);
  const next = (child: Node<Handler>) => (slash === -1 ? child.methods : walk(child, path, slash + 1, parameters));
  const fixed = node.children.get(segment);
  const found = fixed && next(fixed);
  if (found || !node.variable || segment === '') return found;
  const { name, node: child } = node.variable;
  if (name === 'version' && !/^\d+$/.test(segment)) return undefined;
  const methods = next(child);
  if (methods && name !== 'repository') {
    const text = decodeSegment(segment);
    if (text === undefined) return undefined;
    parameters[name] = text;
  }
  return methods;
}

function decodeSegment(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function createNode<Handler>(): Node<Handler> {
  return { children: new Map(), variable: undefined, methods: undefined };
}

/** The path of a request target, without query; of an absolute one (`http://host/path`) too. */
export function pathOf(target: string): string {
  let start = 0;
  if (target.charCodeAt(0) !== 0x2f) {
    const scheme = target.indexOf('://');
    const slash = scheme === -1 ? -1 : target.indexOf('/', scheme + 3);
    if (slash === -1) return target;
    start = slash;
  }
  const query = target.indexOf('?', start);
  return query === -1 ? (start === 0 ? target : target.slice(start)) : target.slice(start, query);
}
