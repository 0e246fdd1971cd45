/** The runtimes to compare with, and the exact versions of them that are fetched. */
export const PEERS: Readonly<Record<"onnxruntime-node" | "onnxruntime-web", string>>;

export type PeerName = keyof typeof PEERS;

/** The folder in which they lie, which git ignores. */
export const peersFolder: string;

/** Returns the version of a peer that was fetched, undefined where none was or where it is not the one that is wanted. */
export function fetchedVersion(name: PeerName): string | undefined;

/** Installs the peers with npm into `peersFolder`, some 430 MB, without running their install scripts. */
export function fetchPeers(): { name: PeerName; version: string | undefined }[];

export interface PeerTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

export type Feeds = Readonly<Record<string, PeerTensor>>;

type Attributes = Readonly<Record<string, number | string>>;

/** "" is ONNX's own operator, of opset 27. */
type Domain = "com.microsoft" | "";

/** Makes an ONNX model of one node LinearAttention, whose inputs are those in `feeds` by the operator's names. */
export function linearAttentionModel(feeds: Feeds, attributes: Attributes, domain: Domain): Uint8Array;

/** Makes an ONNX model of one node CausalConvWithState, whose inputs are those in `feeds` by the operator's names. */
export function causalConvModel(feeds: Feeds, attributes: Attributes, domain: Domain): Uint8Array;

/** Makes an ONNX model of one node MultiHeadAttention: causal softmax attention of packed query, key and value with the scale 1/√K. */
export function softmaxAttentionModel(feeds: Feeds, heads: number): Uint8Array;

/** A node of a graph, with the names of its tensors. An input that is not given has the name ''. */
export interface GraphNode {
  readonly op: string;
  /** The domain of the operator. Default "", which is ONNX's own. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Attributes;
}

/** Makes an ONNX model of nodes in the order in which they run. Its inputs and outputs are f32, its constants f32 or int64. */
export function graphModel(graph: {
  readonly name: string;
  /** The versions by their domains. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly nodes: readonly GraphNode[];
  readonly constants?: Readonly<
    Record<string, { data: Float32Array | BigInt64Array; dims: readonly number[] }>
  >;
  /** The dims of each input by its name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly outputs: readonly string[];
}): Uint8Array;

export interface Runtime {
  readonly name: PeerName;
  readonly version: string;
  readonly threads: number;
  /** Makes a session of the model, and tensors of the feeds. */
  load(model: Uint8Array, feeds: Feeds): Promise<void>;
  /** Runs the model, and resolves to the milliseconds of each run, measured in the runtime's process. */
  call(repetitions?: number): Promise<number[]>;
  /** Resolves to what the last run gave. */
  outputs(): Promise<Record<string, { data: Float32Array; dims: number[] }>>;
  /** Ends the runtime's process. */
  close(): void;
}

/**
 * Starts a fetched runtime on the CPU (node) or in WebAssembly (web), in a process of its own. It takes one request at a time.
 * @throws Error where it was not fetched; its promises reject with what the runtime says
 */
export function openRuntime(name: PeerName, options?: { threads?: number }): Promise<Runtime>;
