/** Runtimes to compare with, and the exact versions that are fetched. */
export const PEERS: Readonly<Record<"onnxruntime-node" | "onnxruntime-web", string>>;

export type PeerName = keyof typeof PEERS;

/** Where they lie; git ignores it. */
export const peersFolder: string;

/** The version of a peer that was fetched; undefined where none was, or another than the one wanted. */
export function fetchedVersion(name: PeerName): string | undefined;

/** Installs the peers with npm into `peersFolder`, some 430 MB, without running install scripts. */
export function fetchPeers(): { name: PeerName; version: string | undefined }[];

export interface PeerTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export type Feeds = Readonly<Record<string, PeerTensor>>;

type Attributes = Readonly<Record<string, number | string>>;

/** "" is ONNX's own operator, of opset 27. */
type Domain = "com.microsoft" | "";

/** An ONNX model of one node LinearAttention whose inputs are those in `feeds`, by the operator's names. */
export function linearAttentionModel(feeds: Feeds, attributes: Attributes, domain: Domain): Uint8Array;

/** An ONNX model of one node CausalConvWithState whose inputs are those in `feeds`, by the operator's names. */
export function causalConvModel(feeds: Feeds, attributes: Attributes, domain: Domain): Uint8Array;

/** An ONNX model of one node MultiHeadAttention: causal softmax attention of packed query, key and value, scale 1/√K. */
export function softmaxAttentionModel(feeds: Feeds, heads: number): Uint8Array;

/** A node of a graph: names of tensors in and out, '' for an input that is not given. */
export interface GraphNode {
  readonly op: string;
  /** "" where none is given: ONNX's own. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Attributes;
}

/** An ONNX model of nodes in the order in which they run. Its inputs and outputs are f32, its constants f32 or int64. */
export function graphModel(graph: {
  readonly name: string;
  /** Version by domain. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly nodes: readonly GraphNode[];
  readonly constants?: Readonly<
    Record<string, { data: Float32Array | BigInt64Array; dims: readonly number[] }>
  >;
  /** Dims by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly outputs: readonly string[];
}): Uint8Array;

export interface Runtime {
  readonly name: PeerName;
  readonly version: string;
  readonly threads: number;
  /** Makes a session of the model and tensors of the feeds. */
  load(model: Uint8Array, feeds: Feeds): Promise<void>;
  /** Runs it and answers the milliseconds of each run, taken in the runtime's process. */
  call(repetitions?: number): Promise<number[]>;
  /** What the last run gave. */
  outputs(): Promise<Record<string, { data: Float32Array; dims: number[] }>>;
  /** Ends the process. */
  close(): void;
}

/**
 * A fetched runtime on the CPU (node) or in WebAssembly (web), in a process of its own. One request at a time.
 * @throws Error where it was not fetched; of its promises, what the runtime says
 */
export function openRuntime(name: PeerName, options?: { threads?: number }): Promise<Runtime>;
