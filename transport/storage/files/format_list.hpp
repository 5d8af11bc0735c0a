#pragma once

namespace locum::storage {

/// Registers the formats of this library. CMake writes this function (locum_format() in
/// transport/storage/CMakeLists.txt): a linker drops from a static library what only registers itself. May be
/// called repeatedly, by any thread.
void register_own_formats();

}  // namespace locum::storage
