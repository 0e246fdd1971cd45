// Returns B at a row of the chunk; of the inverse it is the identity.
fn load_b(at: u32, row: u32, quad: u32) -> vec4<f32> {
  if (INVERSE) {
    let column = (4u * quad) % CHUNK;
    return select(vec4<f32>(), vec4<f32>(1.0), vec4<u32>(column, column + 1u, column + 2u, column + 3u) == vec4<u32>(row));
  }
  return b[at + row * params.b.row + quad];
}

// Writes a thread's rows of B_c − F_c Z to workgroup memory.
fn right_side(at: Chunk, part: Part) {
  let quads = params.quads;
  let quad = part.quad;
  let i = 8u * part.worker; // the first of this thread's rows
  if (i < at.rows && quad < quads) {
    // Rows past the chunk's end repeat its last row, so that every load is inside the chunk; what they give is not stored.
    //#for i in 0..8
    let row#{i} = min(i + #{i}u, at.rows - 1u);
    let f#{i} = part.f + (at.first + row#{i}) * params.f.row;
    var y#{q}_#{i} = vec4<f32>(); //#for q in 0..2
    //#end
    var at_z = at.z + quad;
    var m = 0u;
    // Where a panel of the inverse begins Z is zero, and its product with an infinite F must not be NaN: it is not formed.
    let depth = select((params.rank + 3u) / 4u, 0u, at.begins);
    while (m < depth) {
      //#for q in 0..2
      var own#{q}_#{i} = vec4<f32>(); //#for i in 0..8
      //#end
      for (let end = min(m + CUT / 4u, depth); m < end; m++) {
        let a#{i} = f[f#{i} + m]; //#for i in 0..8
        //#for q in 0..2
        if (#{q ? "WIDE" : "true"}) {
          let z#{j} = z[at_z + #{j}u * quads + #{q}u]; //#for j in 0..4
          own#{q}_#{i} += #{terms(4, (j) => `a${i}.${lane(j)} * z${j}`)}; //#for i in 0..8
        }
        //#end
        at_z += 4u * quads;
      }
      //#for q in 0..2
      if (#{q ? "WIDE" : "true"}) {
        y#{q}_#{i} += own#{q}_#{i}; //#for i in 0..8
      }
      //#end
    }
    let to = i * TILE + part.lane;
    let b_at = part.b + at.first * params.b.row;
    let given = at.begins || (USE_B && !INVERSE); // otherwise B is zero here
    //#for q in 0..2
    if (#{q ? "WIDE" : "true"}) {
      if (given) {
        y[to + #{i}u * TILE + #{q}u] = load_b(b_at, row#{i}, quad + #{q}u) - y#{q}_#{i}; //#for i in 0..8
      } else {
        y[to + #{i}u * TILE + #{q}u] = -y#{q}_#{i}; //#for i in 0..8
      }
    }
    //#end
  }
}
