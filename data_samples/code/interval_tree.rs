//! Half-open intervals in a sorted vector, with the furthest end seen so far kept beside each:
//! enough for "who overlaps this?" in O(log n + answers) on data that rarely changes.

use std::fmt;

#[derive(Debug, Clone, PartialEq)]
pub struct Interval<T> {
    pub start: u64,
    pub end: u64,
    pub value: T,
}

#[derive(Debug, PartialEq, Eq)]
pub enum BuildError {
    Empty { index: usize },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Empty { index } => write!(f, "interval {index} ends before it begins"),
        }
    }
}

impl std::error::Error for BuildError {}

pub struct IntervalIndex<T> {
    intervals: Vec<Interval<T>>,
    furthest: Vec<u64>,
}

impl<T> IntervalIndex<T> {
    pub fn build(mut intervals: Vec<Interval<T>>) -> Result<Self, BuildError> {
        if let Some(index) = intervals.iter().position(|i| i.end <= i.start) {
            return Err(BuildError::Empty { index });
        }
        intervals.sort_by_key(|i| (i.start, i.end));
        let furthest = intervals
            .iter()
            .scan(0u64, |max, i| {
                *max = (*max).max(i.end);
                Some(*max)
            })
            .collect();
        Ok(Self { intervals, furthest })
    }

    /// All intervals that share at least one point with `start..end`, in order of their start.
    pub fn overlapping(&self, start: u64, end: u64) -> impl Iterator<Item = &Interval<T>> {
        let first = self.furthest.partition_point(|&f| f <= start);
        self.intervals[first..]
            .iter()
            .take_while(move |i| i.start < end)
            .filter(move |i| i.end > start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shifts() -> IntervalIndex<&'static str> {
        let rows = [(6, 14, "early"), (14, 22, "late"), (22, 30, "night"), (12, 16, "handover")];
        let intervals = rows.iter().map(|&(start, end, value)| Interval { start, end, value }).collect();
        IntervalIndex::build(intervals).expect("all of them are non-empty")
    }

    #[test]
    fn touching_is_not_overlapping() {
        let names: Vec<_> = shifts().overlapping(14, 15).map(|i| i.value).collect();
        assert_eq!(names, ["handover", "late"]);
    }

    #[test]
    fn an_empty_interval_is_refused() {
        let bad = vec![Interval { start: 3, end: 3, value: () }];
        assert_eq!(IntervalIndex::build(bad).err(), Some(BuildError::Empty { index: 0 }));
    }
}
