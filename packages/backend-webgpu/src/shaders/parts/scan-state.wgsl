// Sets the tile's part of a state to zero, or, with START = 2, to the identity.
fn start_state(z_at: u32, tile: u32, thread: u32) {
  let rank4 = 4u * ((params.rank + 3u) / 4u);
  for (var slot = thread; slot < rank4 * TILE; slot += THREADS) {
    let row = slot / TILE;
    let quad = tile * TILE + slot % TILE;
    if (quad < params.quads) {
      let one = START == 2u && quad == row / 4u;
      let unit = vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(row % 4u);
      z[z_at + row * params.quads + quad] = select(vec4<f32>(), vec4<f32>(1.0), unit & vec4<bool>(one));
    }
  }
}

// Z ← factor · Z + sum for four elements of row k. What the rounding loses goes into the next sum (Kahan): otherwise it grows with n, and
// where all terms have one sign ω passed 400 ε at n = 65536. A factor is a power of two plus a rest: the power times Z is exact, and the
// rest times Z joins the sum. What has been lost decays too: otherwise it would outlive a reset.
fn update_state(at: u32, lost_at: u32, next: u32, factor: u32, k: u32, sum: vec4<f32>) {
  var before = z[at];
  var term = sum + lost[lost_at];
  if (DECAY != 0u) {
    let width = select(1u, 4u * ((params.rank + 3u) / 4u), DECAY == 2u);
    let own = factor + select(0u, k, DECAY == 2u);
    term = sum + diag[own + width] * before + diag[own] * lost[lost_at];
    before *= diag[own];
  }
  let after = before + term;
  z[at + next] = after;
  lost[lost_at] = term - (after - before);
}

// Takes the state past the chunk. A thread forms eight rows of G_cᵀ Y_c by its columns at a time, and adds them to the state.
fn update_states(at: Chunk, part: Part) {
  let quads = params.quads;
  let quad = part.quad;
  let rank4 = 4u * ((params.rank + 3u) / 4u);
  let g_at = part.g + at.first * params.g.row;
  for (var k = 8u * part.worker; k < params.rank; k += 8u * (THREADS / LANES)) {
    if (quad < quads) {
      let own_at = k * quads + quad;
      //#for q in 0..2
      var z#{q}_#{j} = vec4<f32>(); //#for j in 0..8
      //#end
      var next = g_at + k / 4u;
      var row = 0u;
      while (row < at.rows) {
        //#for q in 0..2
        var own#{q}_#{j} = vec4<f32>(); //#for j in 0..8
        //#end
        // Two rows go at a time, so that the sums are stored half as often. Where the last row has no neighbour, zeros take its place.
        for (let end = min(row + BLOCK, at.rows); row < end; row += 2u) {
          let more = vec4<bool>(row + 1u < at.rows);
          let a0 = g[next];
          let b0 = g[next + 1u];
          let a1 = select(vec4<f32>(), g[next + params.g.row], more);
          let b1 = select(vec4<f32>(), g[next + params.g.row + 1u], more);
          next += 2u * params.g.row;
          //#for q in 0..2
          if (#{q ? "WIDE" : "true"}) {
            let v0 = y[row * TILE + part.lane + #{q}u];
            let v1 = select(vec4<f32>(), y[(row + 1u) * TILE + part.lane + #{q}u], more);
            own#{q}_#{j} += #{terms(2, (m) => `${j < 4 ? "a" : "b"}${m}.${lane(j)} * v${m}`)}; //#for j in 0..8
          }
          //#end
        }
        //#for q in 0..2
        if (#{q ? "WIDE" : "true"}) {
          z#{q}_#{j} += own#{q}_#{j}; //#for j in 0..8
        }
        //#end
      }
      // What lies past row `rank` is not stored: the padding stays zero, or, in a state that is kept, becomes it.
      let left = params.rank - k;
      //#for q in 0..2
      if (#{q ? "part.both" : "true"}) {
        //#for j in 0..8
        if (left > #{j}u) {
          let own = own_at + #{j}u * quads + #{q}u;
          update_state(at.z + own, at.lost + own, at.next, at.factor, k + #{j}u, z#{q}_#{j});
        } else if (at.next > 0u && k + #{j}u < rank4) {
          z[at.z + at.next + own_at + #{j}u * quads + #{q}u] = vec4<f32>();
        }
        //#end
      }
      //#end
    }
  }
}
