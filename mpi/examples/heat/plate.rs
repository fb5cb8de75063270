//! Heat in a plate: on one rank, and on many.

use std::sync::Arc;

use anymem_core::region::{Access, RegionError};
use anymem_mpi::{BufferOptions, Job, RankBuffer};

/// A plate whose edges keep their temperature, and for how many steps to look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plate {
    pub(crate) rows: usize,
    /// A power of two: a row is a page.
    pub(crate) columns: usize,
    pub(crate) steps: usize,
}

/// What moved between the ranks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    pub(crate) pages: usize,
    pub(crate) bytes: usize,
}

impl Plate {
    /// A row in the beginning: hot spots, and an edge that is hot.
    fn first(&self, row: usize) -> Vec<f64> {
        let heat = |column: usize| match (row, (row * 7 + column * 13) % 101) {
            (0, _) => 100.0,
            (_, 0) => 900.0,
            _ => 20.0 + (row as f64 / 3.0).sin(),
        };
        (0..self.columns).map(heat).collect()
    }

    fn is_edge(&self, row: usize) -> bool {
        row == 0 || row + 1 == self.rows
    }

    /// A row after a step, from itself and the rows above and below.
    fn step(&self, [above, row, below]: [&[f64]; 3]) -> Vec<f64> {
        let mut next = row.to_vec();
        for column in 1..self.columns - 1 {
            let around = above[column] + below[column] + row[column - 1] + row[column + 1];
            next[column] = row[column] + 0.1 * (around - 4.0 * row[column]);
        }
        next
    }

    /// The plate at the end, all of it computed here.
    pub(crate) fn alone(&self) -> Vec<f64> {
        let mut rows: Vec<Vec<f64>> = (0..self.rows).map(|row| self.first(row)).collect();
        for _ in 0..self.steps {
            let next = |row: usize| match self.is_edge(row) {
                true => rows[row].clone(),
                false => self.step([&rows[row - 1], &rows[row], &rows[row + 1]]),
            };
            rows = (0..self.rows).map(next).collect();
        }
        rows.concat()
    }

    /// The plate at the end, of which each rank has computed its own rows; rank 0 gets all of
    /// it, the others nothing.
    pub(crate) fn on_ranks(&self, job: &Arc<Job>) -> Result<(Vec<f64>, Moved), RegionError> {
        let (len, columns) = (self.rows * self.columns, self.columns);
        let options = BufferOptions { page: columns * size_of::<f64>(), ..Default::default() };
        let mut now = RankBuffer::create(job, len, options)?;
        let mut next = RankBuffer::create(job, len, options)?;
        let own: Vec<usize> = now
            .own_ranges()
            .into_iter()
            .flat_map(|own| own.step_by(columns))
            .map(|at| at / columns)
            .collect();
        for &row in &own {
            now.write(row * columns, &self.first(row))?;
        }
        let mut moved = Moved::default();
        for _ in 0..self.steps {
            // A row from the rank above, and one from the rank below.
            let copied = now.halo(columns, columns)?;
            moved = Moved { pages: moved.pages + copied.pages, bytes: moved.bytes + copied.bytes };
            for &row in &own {
                next.write(row * columns, &self.row_after(&now, row)?)?;
            }
            std::mem::swap(&mut now, &mut next);
        }
        let mut plate = if job.rank() == 0 { vec![0.0; len] } else { Vec::new() };
        let all = 0..plate.len() * size_of::<f64>();
        now.fetch(&Access::Ranges(&[all]))?;
        now.read(0, &mut plate)?;
        Ok((plate, moved))
    }

    fn row_after(&self, plate: &RankBuffer<f64>, row: usize) -> Result<Vec<f64>, RegionError> {
        let read = |row: usize| {
            let mut found = vec![0.0; self.columns];
            plate.read(row * self.columns, &mut found).map(|()| found)
        };
        if self.is_edge(row) {
            return read(row);
        }
        Ok(self.step([&read(row - 1)?, &read(row)?, &read(row + 1)?]))
    }
}
