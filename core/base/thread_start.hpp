#pragma once

#include <functional>

namespace locum {

/// What a thread of the library's own calls first, with its name of at most 15 characters: to be told from
/// the application's threads, by signals and by people. May be empty.
using ThreadStart = std::function<void(const char* name)>;

}  // namespace locum
