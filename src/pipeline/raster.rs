//! Lines and filled polygons on a pixel grid, with the pixels that OpenCV's `line` and `fillPoly` set.
//!
//! A mask decides bits of the template, so a polygon must cover exactly the pixels that it covers in open-iris:
//! the 8-connected boundary lines, united with the even-odd interior by scan lines in 16.16 fixed point.

/// A vertex, `[x, y]`, in whole pixels.
pub(crate) type Vertex = [i64; 2];

/// Fractional bits of the scan-line coordinates.
const SHIFT: u32 = 16;

/// Vertices beyond this are clamped: products with a slope in fixed point then stay far inside 64 bits.
const FAR: f32 = 1e6;

/// Rounds points to the nearest pixel, halves to even as numpy does.
#[allow(clippy::cast_possible_truncation)] // clamped to ±10^6, and NaN becomes 0
pub(crate) fn round_points(points: &[[f32; 2]]) -> Vec<Vertex> {
    let round = |value: f32| value.round_ties_even().clamp(-FAR, FAR) as i64;
    points.iter().map(|&[x, y]| [round(x), round(y)]).collect()
}

/// Paints the pixels of a closed polygon, boundary included; `pixels` are the rows one after another.
///
/// Vertices may lie outside the picture. A pixel may be painted more than once.
pub(crate) fn fill_polygon<T>(
    pixels: &mut [T],
    width: usize,
    height: usize,
    vertices: &[Vertex],
    paint: impl Fn(&mut T) + Copy,
) {
    debug_assert_eq!(pixels.len(), width * height);
    if width == 0 || height == 0 {
        return;
    }
    let size = Size::new(width, height);
    let mut edges = Vec::with_capacity(vertices.len());
    let Some(&last) = vertices.last() else { return };
    let mut from = last;
    for &to in vertices {
        walk_line(size, from, to, |x, y| paint(&mut pixels[y * width + x]));
        edges.extend(Edge::between(from, to, size));
        from = to;
    }
    fill_edges(pixels, size, edges, paint);
}

/// Calls `visit(x, y)` for each pixel of the 8-connected line between two points, as far as it lies in the picture.
pub(crate) fn line_pixels(width: usize, height: usize, from: Vertex, to: Vertex, visit: impl FnMut(usize, usize)) {
    if width == 0 || height == 0 {
        return;
    }
    walk_line(Size::new(width, height), from, to, visit);
}

#[derive(Clone, Copy)]
struct Size {
    width: i64,
    height: i64,
}

impl Size {
    fn new(width: usize, height: usize) -> Self {
        let side = |side| i64::try_from(side).unwrap_or(i64::MAX);
        Self { width: side(width), height: side(height) }
    }

    fn contains(self, [x, y]: Vertex) -> bool {
        (0..self.width).contains(&x) && (0..self.height).contains(&y)
    }
}

/// Bresenham's line, walked from left to right; the error term starts and ties as in OpenCV's line iterator.
fn walk_line(size: Size, from: Vertex, to: Vertex, mut visit: impl FnMut(usize, usize)) {
    let Some((from, to)) = clip(size, from, to) else { return };
    let ([mut x, mut y], [x_end, y_end]) = if to[0] < from[0] { (to, from) } else { (from, to) };
    let (dx, dy) = (x_end - x, (y_end - y).abs());
    let step_y = if y_end < y { -1 } else { 1 };
    let steep = dy > dx;
    let (long, short) = if steep { (dy, dx) } else { (dx, dy) };
    let mut error = long - 2 * short;
    for _ in 0..=long {
        if let (Ok(column), Ok(row)) = (usize::try_from(x), usize::try_from(y)) {
            visit(column, row);
        }
        let minor = error < 0;
        error += if minor { 2 * long - 2 * short } else { -2 * short };
        if steep {
            y += step_y;
            x += i64::from(minor);
        } else {
            x += 1;
            y += if minor { step_y } else { 0 };
        }
    }
}

/// Cohen-Sutherland clipping with OpenCV's rounding (towards zero); `None` when nothing is inside.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // |coordinates| are at most 10^6
fn clip(size: Size, mut from: Vertex, mut to: Vertex) -> Option<(Vertex, Vertex)> {
    let (right, bottom) = (size.width - 1, size.height - 1);
    let across = |x: i64| u8::from(x < 0) + 2 * u8::from(x > right);
    let along = |y: i64| 4 * u8::from(y < 0) + 8 * u8::from(y > bottom);
    let part = |a: i64, delta: i64, by: i64| (a as f64 * delta as f64 / by as f64) as i64;
    let (mut code0, mut code1) = (across(from[0]) + along(from[1]), across(to[0]) + along(to[1]));
    if code0 & code1 == 0 && code0 | code1 != 0 {
        if code0 & 12 != 0 {
            let edge = if code0 < 8 { 0 } else { bottom };
            from = [from[0] + part(edge - from[1], to[0] - from[0], to[1] - from[1]), edge];
            code0 = across(from[0]);
        }
        if code1 & 12 != 0 {
            let edge = if code1 < 8 { 0 } else { bottom };
            to = [to[0] + part(edge - to[1], to[0] - from[0], to[1] - from[1]), edge];
            code1 = across(to[0]);
        }
        if code0 & code1 == 0 && code0 | code1 != 0 {
            if code0 != 0 {
                let edge = if code0 == 1 { 0 } else { right };
                from = [edge, from[1] + part(edge - from[0], to[1] - from[1], to[0] - from[0])];
                code0 = 0;
            }
            if code1 != 0 {
                let edge = if code1 == 1 { 0 } else { right };
                to = [edge, to[1] + part(edge - to[0], to[1] - from[1], to[0] - from[0])];
                code1 = 0;
            }
        }
    }
    (code0 | code1 == 0).then_some((from, to))
}

/// A side of the polygon on its way down: active on rows `top..bottom`, at `x` (fixed point) on the current row.
#[derive(Clone, Copy)]
struct Edge {
    top: i64,
    bottom: i64,
    x: i64,
    slope: i64,
}

impl Edge {
    /// `None` for a horizontal side: its pixels come from its line.
    fn between(from: Vertex, to: Vertex, size: Size) -> Option<Self> {
        if from[1] == to[1] {
            return None;
        }
        let (mut start, mut end) = (from, to);
        if !size.contains(from) || !size.contains(to) {
            // OpenCV takes the slope of the part that is inside, and what clipping left of a side that is outside.
            let clipped = clip_in_place(size, from, to);
            start[0] = clipped.0[0];
            end[0] = clipped.1[0];
            if clipped.0[1] != clipped.1[1] {
                (start, end) = clipped;
            }
        }
        let (x0, x1) = (start[0] << SHIFT, end[0] << SHIFT);
        let slope = (x1 - x0) / (end[1] - start[1]);
        Some(if from[1] < to[1] {
            Self { top: from[1], bottom: to[1], x: x0 + (from[1] - start[1]) * slope, slope }
        } else {
            Self { top: to[1], bottom: from[1], x: x1 + (to[1] - end[1]) * slope, slope }
        })
    }
}

/// [`clip`], but leaves a side that is wholly outside as it is.
fn clip_in_place(size: Size, from: Vertex, to: Vertex) -> (Vertex, Vertex) {
    clip(size, from, to).unwrap_or((from, to))
}

/// Fills between pairs of active edges, row by row; spans are the pixels whose centres lie between the two.
fn fill_edges<T>(pixels: &mut [T], size: Size, mut edges: Vec<Edge>, paint: impl Fn(&mut T) + Copy) {
    if edges.len() < 2 {
        return;
    }
    edges.sort_unstable_by_key(|edge| (edge.top, edge.x, edge.slope));
    let width = usize::try_from(size.width).unwrap_or(0);
    let last_row = edges.iter().map(|edge| edge.bottom).max().unwrap_or(0).min(size.height);
    let mut waiting = edges.iter().copied().peekable();
    let mut active: Vec<Edge> = Vec::new();
    for row in edges[0].top..last_row {
        active.retain(|edge| edge.bottom != row);
        while let Some(edge) = waiting.next_if(|edge| edge.top == row) {
            active.push(edge);
        }
        // Stable: edges that meet keep their order, as in a list that is only re-linked where it is out of order.
        active.sort_by_key(|edge| edge.x);
        for pair in active.chunks_exact_mut(2) {
            if let Ok(y) = usize::try_from(row) {
                let first = (pair[0].x + (1 << SHIFT) - 1) >> SHIFT;
                let last = (pair[1].x >> SHIFT).min(size.width - 1);
                if let (Ok(first), Ok(last)) = (usize::try_from(first.max(0)), usize::try_from(last))
                    && first <= last
                {
                    pixels[y * width + first..=y * width + last].iter_mut().for_each(paint);
                }
            }
            pair[0].x += pair[0].slope;
            pair[1].x += pair[1].slope;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(vertices: &[Vertex], width: usize, height: usize) -> Vec<String> {
        let mut pixels = vec![b'.'; width * height];
        fill_polygon(&mut pixels, width, height, vertices, |pixel| *pixel = b'#');
        pixels.chunks(width).map(|row| String::from_utf8_lossy(row).into_owned()).collect()
    }

    #[test]
    fn the_boundary_belongs_to_the_polygon() {
        assert_eq!(filled(&[[1, 1], [3, 1], [3, 2], [1, 2]], 5, 4), [".....", ".###.", ".###.", "....."]);
        assert_eq!(filled(&[[2, 1]], 5, 3), [".....", "..#..", "....."]);
        assert_eq!(filled(&[[0, 0], [4, 2]], 5, 3), ["##...", "..##.", "....#"].map(str::to_owned).to_vec());
    }

    #[test]
    fn what_is_outside_is_cut_off() {
        assert_eq!(filled(&[[-3, -3], [1, -3], [1, 9], [-3, 9]], 4, 3), ["##..", "##..", "##.."]);
        assert_eq!(filled(&[[-9, -9], [99, -9], [99, 99], [-9, 99]], 4, 3), ["####"; 3]);
        assert_eq!(filled(&[[-9, -9], [-5, -9], [-5, 99], [-9, 99]], 4, 3), ["...."; 3]);
        assert_eq!(filled(&[], 4, 3), ["...."; 3]);
        assert!(filled(&[[0, 0]], 1, 0).is_empty());
    }

    /// Even-odd rule at the pixel's centre, for pixels that no side passes within a pixel. Only for corners inside the
    /// picture: a side that is cut off gets OpenCV's rounded slope, which far from its corner is another line.
    #[test]
    fn the_inside_is_what_an_odd_number_of_sides_encloses() {
        let mut state = 7_u64;
        let mut next = |below: i64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(state >> 40).unwrap_or(0) % below
        };
        for _ in 0..300 {
            let corners = 3 + next(6);
            let vertices: Vec<Vertex> = (0..corners).map(|_| [next(40), next(30)]).collect();
            let rows = filled(&vertices, 40, 30);
            let sides = || vertices.iter().zip(vertices.iter().cycle().skip(1));
            for (y, row) in (0_i64..).zip(&rows) {
                for (x, pixel) in (0_i64..).zip(row.bytes()) {
                    let near = sides().any(|(&a, &b)| distance([x, y], a, b) <= 1.0);
                    let crossings = sides().filter(|(a, b)| crosses([x, y], **a, **b)).count();
                    assert!(near || (pixel == b'#') == (crossings % 2 == 1), "({x}, {y}) of {vertices:?}");
                }
            }
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn distance([x, y]: Vertex, [ax, ay]: Vertex, [bx, by]: Vertex) -> f64 {
        let (dx, dy) = ((bx - ax) as f64, (by - ay) as f64);
        let (px, py) = ((x - ax) as f64, (y - ay) as f64);
        let t = ((px * dx + py * dy) / (dx * dx + dy * dy).max(1e-9)).clamp(0.0, 1.0);
        (px - t * dx).hypot(py - t * dy)
    }

    /// Whether a ray to the right meets the side.
    fn crosses([x, y]: Vertex, [ax, ay]: Vertex, [bx, by]: Vertex) -> bool {
        (ay > y) != (by > y) && {
            let cross = (bx - ax) * (y - ay) - (x - ax) * (by - ay);
            if by > ay { cross > 0 } else { cross < 0 }
        }
    }
}
