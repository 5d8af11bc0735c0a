#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace locum::tests {

/// The first byte of an input says which of them it is; those that are no number of one count modulo
/// `file_inputs`.
enum class FileInput : std::uint8_t {
  part,           ///< the file of a node, of a checkpoint
  master,         ///< the file that the user named
  part_record,    ///< the record of a part of any file, in memory
  step_record,    ///< the record of a step
  bytes_of_part,  ///< any bytes of the file of a node, also those that HDF5 reads: see file_input.cpp
  last = step_record,
};
inline constexpr std::size_t file_inputs = static_cast<std::size_t>(FileInput::last) + 1;

/// What came of an input.
struct FileOutcome {
  std::size_t whole = 0;   ///< rows, or records, that may be used
  std::size_t read = 0;    ///< of these: those of which all bytes were read
  std::size_t errors = 0;  ///< of the library
};

/// Reads what is in an input as if a file had it. Any error of the library is accepted, and nothing else:
/// ends the process if a row that is said to be whole does harm.
FileOutcome read_file(std::span<const std::byte> input);

}  // namespace locum::tests
