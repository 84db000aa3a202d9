/** A field as any schema declares it, ours or a release's. */
export interface FieldShape {
  readonly number: number;
  readonly name: string;
  /** A scalar type, or a message or enumeration: by its name in the package, else by its full name. */
  readonly type: string;
  readonly label?: 'repeated' | 'map' | undefined;
  /** A map's key type. */
  readonly key?: string | undefined;
  readonly oneof?: string | undefined;
  readonly optional?: true | undefined;
}

export interface MethodShape {
  readonly name: string;
  readonly request: string;
  readonly requestStream?: true | undefined;
  readonly response: string;
  readonly responseStream?: true | undefined;
}

/** A method of our tables. */
export interface MethodSpec extends MethodShape {
  readonly requestStream?: true;
  readonly responseStream?: true;
  readonly doc: string;
}

export interface ServiceTable {
  readonly [name: string]: readonly MethodSpec[];
}

/** What a schema declares, by name in its package, in the order of declaration. */
export interface Schema {
  readonly messages: ReadonlyMap<string, readonly FieldShape[]>;
  readonly enums: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly services: ReadonlyMap<string, readonly MethodShape[]>;
}
