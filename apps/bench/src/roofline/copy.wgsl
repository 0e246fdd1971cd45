// goal ← source, as fast as memory goes: neighbouring threads copy neighbouring vec4, a grid's width apart.

override THREADS: u32 = 256;

@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> goal: array<vec4<u32>>;

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < arrayLength(&source); i += groups.x * THREADS) {
    goal[i] = source[i];
  }
}
