#pragma once

namespace locum::tests {

/// Called before each allocation of a program that links operator_new.cpp, which replaces operator new; to be
/// defined by that program, once. True: the allocation fails.
[[nodiscard]] bool fails_to_allocate() noexcept;

}  // namespace locum::tests
