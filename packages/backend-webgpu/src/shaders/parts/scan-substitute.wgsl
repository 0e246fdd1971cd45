// Above the diagonal the inverse is zero, whatever has been computed there.
fn below(columns: vec4<u32>, row: u32, value: vec4<f32>) -> vec4<f32> {
  if (INVERSE) {
    return select(value, vec4<f32>(), columns > vec4<u32>(row));
  }
  return value;
}

// Solves for one quad of columns of a block, from row `top` to row `end` − 1, by substitution. `t` is where T_cc begins, and `d` where the
// chunk's first λ is. Where a panel of the inverse begins, `columns` are the quad's columns, counted from the panel's first: above the
// diagonal nothing but zero may come out, whatever T_cc holds. Elsewhere they are 0, and nothing lies above the diagonal.
fn substitute(t: u32, d: u32, top: u32, end: u32, lane: u32, columns: vec4<u32>) {
  let last = end - 1u;
  for (var i = top; i < end; i += 4u) {
    // The block's own sum starts at 0 and meets B − F Z last: added to it term by term, it would be rounded at the size of F Z every time.
    var x#{q} = vec4<f32>(); //#for q in 0..4
    for (var j = top; j < i; j += 4u) {
      let a#{m} = coupling[t + (j + #{m}u) * QUADS + i / 4u]; //#for m in 0..4
      let v#{m} = y[(j + #{m}u) * TILE + lane]; //#for m in 0..4
      x#{q} += #{terms(4, (m) => `a${m}.${lane(q)} * v${m}`)}; //#for q in 0..4
    }
    // Rows past the chunk's end repeat its last λ; what they give is not stored in `out`.
    //#for q in 0..4
    var d#{q} = 1.0;
    if (params.unit == 0u) {
      d#{q} = diag[d + min(i + #{q}u, last) * params.diag.row];
    }
    let own#{q} = #{q ? terms(q, (m) => `c${m}.${lane(q)} * x${m}`) : "vec4<f32>()"};
    x#{q} = below(columns, i + #{q}u, (y[(i + #{q}u) * TILE + lane] - (x#{q} + own#{q})) / d#{q});
    y[(i + #{q}u) * TILE + lane] = x#{q};
    let c#{q} = coupling[t + (i + #{q}u) * QUADS + i / 4u];
    //#end
  }
}

// Subtracts from a thread's rows what the block of rows from `top` on contributes to them.
fn subtract_block(at: Chunk, part: Part, top: u32) {
  let i = 8u * part.worker;
  if (i >= top + BLOCK && i < at.rows && part.quad < params.quads) {
    let to = i * TILE + part.lane;
    //#for q in 0..2
    var y#{q}_#{i} = vec4<f32>(); //#for i in 0..8
    //#end
    var next = at.t + top * QUADS + i / 4u;
    for (var j = top; j < top + BLOCK; j += 2u) {
      let a#{m} = coupling[next + #{m}u * QUADS]; //#for m in 0..2
      let b#{m} = coupling[next + #{m}u * QUADS + 1u]; //#for m in 0..2
      next += 2u * QUADS;
      //#for q in 0..2
      if (#{q ? "WIDE" : "true"}) {
        let v#{m} = y[(j + #{m}u) * TILE + part.lane + #{q}u]; //#for m in 0..2
        y#{q}_#{i} += #{terms(2, (m) => `${i < 4 ? "a" : "b"}${m}.${lane(i)} * v${m}`)}; //#for i in 0..8
      }
      //#end
    }
    //#for q in 0..2
    if (#{q ? "WIDE" : "true"}) {
      y[to + #{i}u * TILE + #{q}u] -= y#{q}_#{i}; //#for i in 0..8
    }
    //#end
  }
}

// Replaces B_c − F_c Z in workgroup memory by Y_c, 16 rows after another, and writes Y_c to `out`.
fn substitute_chunk(at: Chunk, part: Part, tile: u32, thread: u32) {
  for (var top = 0u; top < at.rows; top += BLOCK) {
    let end = min(top + BLOCK, at.rows);
    // Inside a block one thread does a quad of columns: those of the first worker, and for the second quads of a WIDE tile the second's.
    let column = tile * TILE + select(thread, 2u * (thread % LANES) + part.worker, WIDE);
    if (part.worker < select(1u, 2u, WIDE) && column < params.quads) {
      let columns = select(vec4<u32>(), vec4<u32>(4u * column % CHUNK) + vec4<u32>(0u, 1u, 2u, 3u), at.begins);
      substitute(at.t, at.diag, top, end, column - tile * TILE, columns);
    }
    workgroupBarrier();
    if (WRITE_Y && part.quad < params.quads) {
      for (var row = top + part.worker; row < end; row += THREADS / LANES) {
        let to = part.out + (at.first + row) * params.out.row;
        out[to] = params.alpha * y[row * TILE + part.lane];
        if (part.both) {
          out[to + 1u] = params.alpha * y[row * TILE + part.lane + 1u];
        }
      }
    }
    if (top + BLOCK < at.rows) {
      subtract_block(at, part, top);
      workgroupBarrier();
    }
  }
}
