import { ConchError } from '../base/index.ts';
import { Model } from './model.ts';
import type { ServedVersion } from './version.ts';

/** The models that the engine knows, and how requests find them. */
export class Catalogue {
  readonly #models = new Map<string, Model>();

  /** Adds a model that was never loaded; answers the one that is there already. */
  add(name: string): Model {
    const model = this.#models.get(name) ?? new Model(name);
    this.#models.set(name, model);
    return model;
  }

  get(name: string): Model | undefined {
    return this.#models.get(name);
  }

  /** By name, ascending. */
  all(): Model[] {
    return [...this.#models.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * The version that a request means; without one the newest that is ready. Throws as Triton's look-up does:
   * MODEL_NOT_FOUND for unknown names and versions and where no version is ready, MODEL_NOT_READY for a version that is
   * known but not ready, REQUEST_INVALID for text that is no version.
   */
  find(name: string, version?: string): ServedVersion {
    const model = this.#models.get(name);
    if (!model) {
      throw new ConchError('MODEL_NOT_FOUND', `unknown model '${name}': this server has no model of that name`);
    }
    if (version === undefined || version === '') {
      const { newest } = model;
      if (newest) return newest;
      const why = model.loading ? 'it is being loaded' : (model.fault?.message ?? 'it is not loaded');
      throw new ConchError('MODEL_NOT_FOUND', `unknown model '${name}': no version of it is ready; ${why}`);
    }
    // Beyond 15 digits numbers would be rounded; Triton's versions fit 64 bits, but folders of that size do not occur.
    if (!/^\d{1,15}$/.test(version)) {
      throw new ConchError(
        'REQUEST_INVALID',
        `model '${name}': '${version}' is not a version; versions are whole numbers`,
      );
    }
    return this.findNumber(name, Number(version));
  }

  /** As `find`, with -1 for the newest: how ensemble steps name versions. */
  findNumber(name: string, version: number): ServedVersion {
    if (version === -1) return this.find(name);
    const model = this.#models.get(name);
    const served = model?.ready.get(version);
    if (served) return served;
    if (!model?.knows(version)) {
      throw new ConchError(
        'MODEL_NOT_FOUND',
        `unknown model '${name}' version ${version}: it is not among those loaded`,
      );
    }
    const reason = model.reasonOf(version);
    throw new ConchError(
      'MODEL_NOT_READY',
      `unknown model '${name}' version ${version}: it is not ready${reason ? `: ${reason}` : ''}`,
    );
  }
}
