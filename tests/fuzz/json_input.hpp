#pragma once

#include <chrono>
#include <cstddef>
#include <span>

namespace locum::tests {

/// What came of an input.
struct JsonOutcome {
  std::size_t read = 0;    ///< objects whose bytes were read
  std::size_t kept = 0;    ///< of these: found again, the same, after others were stored
  std::size_t errors = 0;  ///< of the library
};

/// The first byte of an input says what the rest is: if it is even, the file `s.json` of the backend `json:`,
/// with all objects; else that of one object, `s/n.json`, in its folder. Opens and lists it, reads all
/// objects of the store `s`, stores others, and edits as a program does. Any error of the library is
/// accepted, and nothing else: an object that could be read is the same after others were stored, and what
/// was stored is found. Ends the process if anything does harm. Writes only in the folder for temporary
/// files.
/// \param timeout of each call; a promise that an entry speaks of is waited for as long
JsonOutcome read_json_input(std::span<const std::byte> input,
                            std::chrono::milliseconds timeout = std::chrono::milliseconds(20));

}  // namespace locum::tests
