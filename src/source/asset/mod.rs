//! Containers: recognised by their bytes, unpacked within a budget.
