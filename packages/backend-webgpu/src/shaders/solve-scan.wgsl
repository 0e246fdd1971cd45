// Carries the state through the chunks of a solve, one after the other: equation (6) of core's reference README,
//   Y_c = T_cc⁻¹ (B_c − F_c Z),   then   Z ← diag(A) Z + G_cᵀ Y_c
// Where there is decay, F is f_read and G is g_kept of decay-chunks, and A comes from there. For each chunk there are three steps:
//   parts/scan-right-side.wgsl   B_c − F_c Z into workgroup memory   a thread does its own eight rows
//   parts/scan-substitute.wgsl   Y_c in its place                    16 rows after another, from the first row down
//   parts/scan-state.wgsl        Z, for the next chunk               a thread does eight rows of Z at a time
// Where T⁻¹ grows, shorter ways than substitution cancel: U = T_cc⁻¹ B_c and W = T_cc⁻¹ F_c formed beforehand, Y = U − W Z (10), reached
// ω = 2455 ε (C = 64), and multiplying by the inverses of the 16×16 blocks 18 ε.
// A workgroup owns one batch entry, one group of chunks and TILE quads of columns, and walks the group's chunks. With more than one group
// it is the parallel scan. A thread owns eight rows of a chunk by one quad (four columns), or by two (WIDE), for which it loads F and G once.
// In workgroup memory lie the tile's rows of the chunk, because a row needs all rows before it, which other threads own. Z is too large
// for it (r × 32 columns and more), and lies in a buffer, from which each thread reads the quads of its own columns.
// It also walks the panels of columns of the inverse (7), where B is I in the panel's first chunk and 0 below.
// Arrays are counted in quads of columns, and are zero where they are padded.

override CHUNK: u32 = 64;
override TILE: u32 = 8; // how many quads of columns a workgroup owns
override WIDE: bool = false; // whether a thread owns two quads of columns
override THREADS: u32 = 64; // LANES × max(CHUNK / 8, 4)
override LANES: u32 = 8; // how many threads it takes for the tile's columns: TILE, or half of it if WIDE
override START: u32 = 0; // Z at the start: 0 as found, 1 as found in the first group and zero in the others, 2 the identity
override USE_B: bool = true; // false: B counts as zero
override WRITE_Y: bool = true; // false: nobody wants Y, but the state alone
override INVERSE: bool = false; // true: the columns of T⁻¹ are computed
override DECAY: u32 = 0; // 0: nothing decays; 1: Z decays by one factor a chunk; 2: by one a chunk and row of Z

override QUADS: u32 = CHUNK / 4u;
const BLOCK = 16u; // so many rows are solved for by substitution before the rows below are updated with them
const CUT = 32u; // so many products make a sum of their own, so that no sum over the rank is one long chain

struct Params {
  f: Operand, // positions counted in quads
  g: Operand,
  b: Operand,
  out: Operand,
  diag: Operand, // positions counted in elements
  rows: u32,
  rank: u32,
  quads: u32, // how many quads of columns there are
  chunks: u32, // of all groups together
  group_chunks: u32, // of one group
  groups: u32,
  first_chunk: u32, // INVERSE: how many chunks lie above this segment
  total: u32, // the workgroups that have work
  alpha: f32,
  unit: u32, // 1: λ = 1, and `diag` is not read for it
  keep: u32, // 1: the state before every chunk is kept
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> coupling: array<vec4<f32>>; // column-major: a vec4 is four rows of one column
@group(0) @binding(2) var<storage, read> diag: array<f32>; // λ, and where there is decay its factors before: [batch, chunks, power and rest, 4·rank quads or 1]
@group(0) @binding(3) var<storage, read> f: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> z: array<vec4<f32>>; // [batch, groups, 4·rank quads, quads]; if kept [batch, chunks + 1, …], the first of them given
@group(0) @binding(7) var<storage, read_write> lost: array<vec4<f32>>; // what the roundings of Z have lost so far: [batch, groups, 4·rank quads, quads]
@group(0) @binding(8) var<storage, read_write> out: array<vec4<f32>>;

// What a workgroup knows of the chunk that it is at. All of it is the same in every thread, which the barriers between the steps ask for.
struct Chunk {
  first: u32, // its first row
  rows: u32, // how many rows it has: CHUNK, or fewer in the last chunk
  begins: bool, // INVERSE: whether this is the panel's first chunk
  t: u32, // where its coupling begins
  diag: u32, // where its first λ is
  factor: u32, // where its factors of decay begin
  z: u32, // where the state before it begins
  next: u32, // how far behind that the state after it begins: 0 where it takes the same place
  lost: u32, // where what that state's roundings have lost begins
}

// What a thread owns in every chunk, and where the first rows of its batch entry begin.
struct Part {
  lane: u32, // its quad of the tile, of two the first
  worker: u32, // its rows are 8·worker … 8·worker + 7
  quad: u32, // its quad of columns, of two the first
  both: bool, // whether it owns two and the second is no padding
  f: u32,
  g: u32,
  b: u32,
  out: u32,
}

//#include operand
var<workgroup> y: array<vec4<f32>, CHUNK * TILE>; // B_c − F_c Z, which Y_c replaces block after block

//#include scan-right-side
//#include scan-substitute
//#include scan-state
//#include scan-inverse
//#include workgroup

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32, workgroup: Workgroup) {
  let index = index_of(workgroup);
  if (index >= params.total) {
    return;
  }
  let quads = params.quads;
  let rank_quads = (params.rank + 3u) / 4u;
  let tiles = (quads + TILE - 1u) / TILE;
  let tile = index % tiles;
  let which = (index / tiles) % params.groups;
  let batch = index / tiles / params.groups;
  let size = 4u * rank_quads * quads;
  let lost_at = (batch * params.groups + which) * size;
  let next_state = select(0u, size, params.keep == 1u);
  var z_at = lost_at;
  if (params.keep == 1u) {
    z_at = batch * (params.chunks + 1u) * size;
  }
  if (START == 2u && which == 0u) {
    return; // the first group's map is never applied
  }
  if (START == 2u || (START == 1u && which != 0u)) {
    start_state(z_at, tile, thread);
    storageBarrier();
    workgroupBarrier();
  }

  let lane = select(1u, 2u, WIDE) * (thread % LANES);
  let quad = tile * TILE + lane;
  let part = Part(
    lane,
    thread / LANES,
    quad,
    WIDE && quad + 1u < quads,
    start(params.f, batch),
    start(params.g, batch),
    start(params.b, batch),
    start(params.out, batch) + quad,
  );
  let d_start = start(params.diag, batch);
  var chunk = which * params.group_chunks;
  let last = min(chunk + params.group_chunks, params.chunks);
  let panel = tile * TILE * 4u / CHUNK;
  if (INVERSE) {
    let above = min(panel - min(panel, params.first_chunk), last);
    clear_above(min(above * CHUNK, params.rows), part);
    chunk = above;
  }
  for (; chunk < last; chunk++) {
    let first = chunk * CHUNK;
    let at = Chunk(
      first,
      min(CHUNK, params.rows - first),
      INVERSE && panel == params.first_chunk + chunk,
      (batch * params.chunks + chunk) * CHUNK * QUADS,
      d_start + first * params.diag.row,
      2u * (batch * params.chunks + chunk) * select(1u, 4u * rank_quads, DECAY == 2u),
      z_at,
      next_state,
      lost_at,
    );
    right_side(at, part);
    workgroupBarrier();
    substitute_chunk(at, part, tile, thread);
    update_states(at, part);
    z_at += next_state;
    storageBarrier();
    workgroupBarrier();
  }
}
