#pragma once

#include <functional>

namespace locum {

/// A function that library threads call first, with the thread's name of at most 15 characters, to set it and
/// to mask signals, say. May be empty.
using ThreadStart = std::function<void(const char* name)>;

}  // namespace locum
