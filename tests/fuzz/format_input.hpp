#pragma once

#include <cstddef>
#include <span>

#include <locum/format.hpp>

namespace locum::tests {

/// Loads bytes as a file of a format, from a file that is read and from one that is mapped, and asks what
/// they hold. Any error of the library is accepted, and nothing else. What was loaded is read to its last
/// element, compared between both ways, and saved; what was saved is loaded again, and has to be the same.
/// Ends the process if anything does harm. A format that has the option `attributes` is read once more with
/// it.
void read_as_format(const Format& format, std::span<const std::byte> input);
/// The same with options of the format.
void read_as_format(const Format& format, std::span<const std::byte> input, const Record& options);

}  // namespace locum::tests
