export { type Elements, elementsOfDtype, elementsOfStorage } from './elements.ts';
export {
  ForbiddenGlobal,
  isPickled,
  type Pickled,
  type PickledCall,
  type PickleOptions,
  PickleTruncated,
  readPickle,
} from './pickle.ts';
export { ZipArchive } from './zip.ts';
