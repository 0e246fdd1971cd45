// The top of the parallel scan: through the groups' affine maps in turn, Z ← A_g Z + B_g,
// keeping the state before every group. One workgroup per (batch entry, tile of columns).
// The first group has gone through its chunks with the true state, so that B is already Z after it:
// A Z₀ + B would cancel where T⁻¹ grows (ω = 200 ε was seen).
// A map may overflow where the solution does not: it must not turn a state of zero into NaN.

override TILE: u32 = 4;
override THREADS: u32 = 64;

struct Params {
  rank: u32,
  quads: u32, // of columns
  groups: u32,
  total: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>; // [batch, groups, 4·rank quads, rank quads]
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>; // [batch, groups, 4·rank quads, quads]
@group(0) @binding(3) var<storage, read_write> carry: array<vec4<f32>>; // [batch, 4·rank quads, quads]
@group(0) @binding(4) var<storage, read_write> before: array<vec4<f32>>; // as b

@compute @workgroup_size(THREADS)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) workgroup: vec3<u32>,
  @builtin(num_workgroups) workgroups: vec3<u32>,
) {
  let index = workgroup.x + workgroup.y * workgroups.x;
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
        var sum = b[here + k * quads + quad];
        for (var m = select(0u, params.rank, group == 0u); m < params.rank; m++) {
          let state = before[here + m * quads + quad];
          sum += select(a[map + k * rank_quads + m / 4u][m % 4u] * state, vec4<f32>(), state == vec4<f32>());
        }
        carry[batch * size + k * quads + quad] = sum;
      }
    }
  }
}
