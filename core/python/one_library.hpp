#pragma once

namespace locum::python {

/// Throws ImportError, which names both files, if this process has another copy of the library than the one
/// that the module is linked with: two copies share no store.
void require_one_library();

}  // namespace locum::python
