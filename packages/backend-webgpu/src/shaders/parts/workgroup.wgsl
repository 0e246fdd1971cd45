// Which workgroup of a dispatch this is. Its members are uniform, so that a shader may end by them before a barrier.
struct Workgroup {
  @builtin(workgroup_id) id: vec3<u32>,
  @builtin(num_workgroups) count: vec3<u32>,
}

// A dispatch of more workgroups than one dimension takes has two, and those past its end do nothing.
fn index_of(workgroup: Workgroup) -> u32 {
  return workgroup.id.x + workgroup.id.y * workgroup.count.x;
}
