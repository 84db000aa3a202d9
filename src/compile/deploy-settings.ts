import { z } from 'zod';

/** What one container may take: processors, and memory with a unit as Docker and Kubernetes both read it, e.g. `4Gi`. */
export interface ContainerResources {
  cpus?: number;
  memory?: string;
}

/** How the repository is put into service by `conch deploy`: the field `deploy` of a deployment file. */
export interface DeploySettings {
  /** Name of all that is made, lower-case letters, digits and `-`; `conch` unless given. */
  name?: string;
  /** Whether Triton gets a GPU; unless given, when a model is a TensorRT plan or has instances of KIND_GPU. */
  gpu?: boolean;
  /** Images other than the pinned ones, with a tag or, better, a digest: `name:tag@sha256:...`. */
  images?: { triton?: string; conch?: string; prometheus?: string; grafana?: string; sync?: string };
  /** As Triton takes it; `none` unless given. In mode `explicit` the repository API needs the admin key. */
  model_control_mode?: 'none' | 'poll' | 'explicit';
  /** In mode `explicit`, the models loaded at the start; all unless given. */
  load_model?: string[];
  /** How long Triton lets requests finish when it is stopped; 30 unless given. */
  exit_timeout_secs?: number;
  /** Size of /dev/shm, through which Triton's Python backend passes tensors; 1Gi unless given. */
  shm_size?: string;
  resources?: { triton?: ContainerResources & { gpus?: number }; proxy?: ContainerResources };
  /** Further flags of tritonserver, e.g. `--pinned-memory-pool-byte-size=0`. */
  triton_flags?: string[];
  compose?: {
    /** Address that ports are published on; 127.0.0.1 unless given. */
    address?: string;
    /** Ports on the host; Triton's own are published only where they are given. */
    ports?: { proxy?: number; prometheus?: number; grafana?: number; http?: number; grpc?: number; metrics?: number };
  };
  kubernetes?: {
    namespace?: string;
    /** Pods of Triton; 1 to 4 unless given. */
    replicas?: { min?: number; max?: number };
    /**
     * Where the repository comes from: a claim that holds it, or a bucket (`s3://bucket/path`, `gs://bucket/path`) that is
     * copied into each pod at its start. Credentials of a bucket are the variables of a Secret, or the service account's.
     */
    repository?:
      | { claim: string; path?: string }
      | { uri: string; secret?: string; endpoint?: string; region?: string };
    /** Room for the copy of a bucket in each pod; 10Gi unless given. */
    storage?: string;
    /** What scales on Triton's metrics: KEDA, or an HPA over prometheus-adapter. `keda` unless given. */
    scaler?: 'keda' | 'hpa';
    /** Address of Prometheus inside the cluster, for KEDA. */
    prometheus?: string;
    /** Namespace that Prometheus runs in, which may read the metrics; `monitoring` unless given. */
    monitoring_namespace?: string;
    /** Average time in the queue, in milliseconds, above which pods are added; 10 unless given. */
    queue_milliseconds?: number;
    /** Waiting requests a pod above which pods are added; 8 unless given. */
    pending_requests?: number;
    /** Annotations of the service account, e.g. for workload identity. */
    service_account_annotations?: Record<string, string>;
    /** Nodes that Triton runs on, by label. */
    node_selector?: Record<string, string>;
  };
}

const quantity = z.string().regex(/^\d+(\.\d+)?(Ki|Mi|Gi|Ti)$/, 'expected a size like 512Mi or 4Gi');
const image = z
  .string()
  .regex(
    /^[a-z0-9][\w./:-]*(:[\w][\w.-]*|@sha256:[0-9a-f]{64})$/,
    'expected an image with a tag or a digest, like name:1.2.3 or name:1.2.3@sha256:<64 hex digits>',
  )
  .refine((text) => !/:latest(@|$)/.test(text), 'the tag latest is no pin: name a version or a digest');
const port = z.int().min(1).max(65535).optional();
const label = z.string().regex(/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/, 'expected lower-case letters, digits and -');
const resources = { cpus: z.number().positive().optional(), memory: quantity.optional() };

/** Of the field `deploy`; what it accepts is a `DeploySettings`. */
export const deployFields = z.strictObject({
  name: label.optional(),
  gpu: z.boolean().optional(),
  images: z
    .strictObject({
      ...{ triton: image.optional(), conch: image.optional(), prometheus: image.optional() },
      ...{ grafana: image.optional(), sync: image.optional() },
    })
    .optional(),
  model_control_mode: z.enum(['none', 'poll', 'explicit']).optional(),
  load_model: z.array(z.string().min(1)).optional(),
  exit_timeout_secs: z.int().min(0).max(3600).optional(),
  shm_size: quantity.optional(),
  resources: z
    .strictObject({
      triton: z.strictObject({ ...resources, gpus: z.int().min(1).optional() }).optional(),
      proxy: z.strictObject(resources).optional(),
    })
    .optional(),
  triton_flags: z.array(z.string().regex(/^--[a-z][a-z0-9-]*(=.*)?$/, 'expected --flag or --flag=value')).optional(),
  compose: z
    .strictObject({
      address: z.union([z.ipv4(), z.ipv6()]).optional(),
      ports: z
        .strictObject({ proxy: port, prometheus: port, grafana: port, http: port, grpc: port, metrics: port })
        .optional(),
    })
    .optional(),
  kubernetes: z
    .strictObject({
      namespace: label.optional(),
      replicas: z.strictObject({ min: z.int().min(1).optional(), max: z.int().min(1).optional() }).optional(),
      repository: z
        .union([
          z.strictObject({ claim: z.string().min(1), path: z.string().min(1).optional() }),
          z.strictObject({
            uri: z.string().regex(/^(s3|gs):\/\/[^/]+(\/.*)?$/, 'expected s3://bucket/path or gs://bucket/path'),
            secret: z.string().min(1).optional(),
            endpoint: z.url().optional(),
            region: z.string().min(1).optional(),
          }),
        ])
        .optional(),
      storage: quantity.optional(),
      scaler: z.enum(['keda', 'hpa']).optional(),
      prometheus: z.url().optional(),
      monitoring_namespace: label.optional(),
      queue_milliseconds: z.number().positive().optional(),
      pending_requests: z.int().min(1).optional(),
      service_account_annotations: z.record(z.string(), z.string()).optional(),
      node_selector: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
});
