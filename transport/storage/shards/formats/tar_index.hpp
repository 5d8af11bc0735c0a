#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/plain_bytes.hpp"

namespace locum::storage {

/// A file of an archive that is a field of a sample.
struct TarField {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t name = 0;  ///< number of TarIndex::field_name()
};

/// Where the samples of an archive of tar are, as WebDataset takes them: files that follow each other and
/// whose names are the same up to the first dot behind the last slash are the fields of one sample; what is
/// behind that dot, in lower case, is the name of the field.
class TarIndex {
 public:
  /// Reads the headers of an archive: those of POSIX (ustar, with its extended ones) and of GNU. What is no
  /// file, is hidden, has no dot or is in a folder `__…__` is no field. `corrupt` for headers that are
  /// damaged, for a field twice in a sample, and if the mark of the end is missing; `unsupported` for sparse
  /// files, and for bytes behind that mark. `timeout`.
  /// \param piece how many bytes to read at once
  [[nodiscard]] static Result<TarIndex> read(PlainBytes& bytes, std::size_t piece,
                                             Deadline::Clock::time_point moment);

  [[nodiscard]] std::size_t samples() const noexcept { return samples_.size(); }
  // REQUIRES: sample < samples().
  [[nodiscard]] std::string_view key(std::size_t sample) const noexcept;
  [[nodiscard]] std::span<const TarField> fields(std::size_t sample) const noexcept;
  [[nodiscard]] const std::string& field_name(const TarField& field) const noexcept {
    return names_[field.name];
  }

 private:
  friend class TarReader;

  struct Sample {
    std::size_t first_field = 0;
    std::size_t key_at = 0;
  };

  /// Adds a file. `corrupt`; `unsupported` if they are too many.
  [[nodiscard]] Result<void> add(std::string_view path, std::uint64_t offset, std::uint64_t bytes);

  std::vector<Sample> samples_;
  std::vector<TarField> fields_;
  std::string keys_;  ///< of all samples
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t> numbers_;  ///< of these names
};

}  // namespace locum::storage
