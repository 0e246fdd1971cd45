// The top of the parallel scan: goes through the affine maps of the groups in turn, Z ← A_g Z + B_g, equation (10) of core's reference
// README, and keeps the state before every group.
// The first group's scan started from the true state, so its B is the state after it: A Z₀ + B would cancel where T⁻¹ grows (ω = 200 ε was
// measured). Where a state is a plain sum, A is near I, and its rounding alone would cost an ε of Z for every group. There the map is
// applied as Z ← Z + (D Z + B) with D = A − I, whose diagonal counts what the scan's roundings of A have lost; what Z's own roundings lose
// goes into the next group's term (Kahan). Where A has decayed, D would cancel, and A itself is used.
// A map may overflow where the solution does not. It must not turn a state of zero into NaN, so its product with zero is not formed.
// A workgroup owns one batch entry and TILE quads of columns, and walks all groups; a thread owns one quad of every THREADS / TILE-th row.
// Rows of Z are shared through the buffer `before`; there is no workgroup memory.

override TILE: u32 = 4; // how many quads of columns a workgroup owns
override THREADS: u32 = 64;

const CUT = 8u; // so many products make a sum of their own

struct Params {
  rank: u32,
  quads: u32, // how many quads of columns there are
  groups: u32,
  total: u32, // the workgroups that have work
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>; // [batch, groups, 4·rank quads, rank quads]
@group(0) @binding(2) var<storage, read> a_lost: array<vec4<f32>>; // what the roundings of A have lost, laid out as a
@group(0) @binding(3) var<storage, read> b: array<vec4<f32>>; // [batch, groups, 4·rank quads, quads]
@group(0) @binding(4) var<storage, read> b_lost: array<vec4<f32>>; // what the roundings of B have lost, laid out as b
@group(0) @binding(5) var<storage, read_write> carry: array<vec4<f32>>; // [batch, 4·rank quads, quads]
@group(0) @binding(6) var<storage, read_write> lost: array<vec4<f32>>; // what the roundings of `carry` have lost so far
@group(0) @binding(7) var<storage, read_write> before: array<vec4<f32>>; // the state before every group, laid out as b

// Multiplies row k of A, its diagonal element replaced by `factor`, by a quad of columns of the state. `row` is where the row begins in
// A, and `column` where the quad begins in `before`.
fn product(row: u32, k: u32, factor: f32, column: u32) -> vec4<f32> {
  var sum = vec4<f32>();
  var m = 0u;
  while (m < params.rank) {
    var own = vec4<f32>();
    for (let end = min(m + CUT, params.rank); m < end; m++) {
      let state = before[column + m * params.quads];
      let element = select(a[row + m / 4u][m % 4u], factor, m == k);
      own += select(element * state, vec4<f32>(), state == vec4<f32>());
    }
    sum += own;
  }
  return sum;
}

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
  let batch = index / tiles;
  let quad = (index % tiles) * TILE + thread % TILE;
  let size = 4u * rank_quads * quads;
  for (var group = 0u; group < params.groups; group++) {
    let here = (batch * params.groups + group) * size;
    for (var k = thread / TILE; k < 4u * rank_quads; k += THREADS / TILE) {
      if (quad < quads) {
        before[here + k * quads + quad] = carry[batch * size + k * quads + quad];
      }
    }
    storageBarrier();
    workgroupBarrier();
    let map = (batch * params.groups + group) * 4u * rank_quads * rank_quads;
    for (var k = thread / TILE; k < params.rank; k += THREADS / TILE) {
      if (quad < quads) {
        let at = batch * size + k * quads + quad;
        let own = b[here + k * quads + quad];
        if (group == 0u) {
          carry[at] = own;
          lost[at] = b_lost[here + k * quads + quad];
        } else {
          let diagonal = a[map + k * rank_quads + k / 4u][k % 4u];
          let near = diagonal > 0.5; // then diagonal − 1 is computed without a rounding
          let kept = select(vec4<f32>(), before[here + k * quads + quad], near);
          let factor = select(diagonal, (diagonal - 1.0) + a_lost[map + k * rank_quads + k / 4u][k % 4u], near);
          // What has been lost goes through the map too: otherwise it would outlive a reset.
          let still = select(diagonal * lost[at], vec4<f32>(), lost[at] == vec4<f32>());
          let term = own + product(map + k * rank_quads, k, factor, here + quad) + still;
          let after = kept + term;
          carry[at] = after;
          lost[at] = select(vec4<f32>(), term - (after - kept), vec4<bool>(near));
        }
      }
    }
  }
}
