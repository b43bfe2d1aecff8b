//! Containers: recognised by their bytes, unpacked within a budget.
/// Budget.
#[derive(Clone, Debug, Default)]
pub struct Budget {}
