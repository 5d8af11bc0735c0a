#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/experiments/experiment.hpp"

namespace locum::storage {

// experiment.json is one value of JSON in UTF-8. Its first line is written as here, so that it can be read
// without the rest:
//
//   {"locum.experiment": 1, "revision": "0123456789abcdef-01234567", "checksum": "01234567", "experiment":
//
// Then come a value of JSON and "}\n". The revision is another one in each text; the checksum is the CRC-32C
// of what follows the line, and of the revision in front of that. The value has the members `status`,
// `reason`, `created`, `persisted`, `host`, `commit` and `fields`. A field is `{"value": …}`, a
// plain_record(), or
// `{"url": "T.0123456789abcdef-01234567.record"}`, which is relative to this file.

/// The ending of the files of fields that are outside.
inline constexpr std::string_view field_ending = ".record";
/// Most bytes of the text.
inline constexpr std::size_t longest_experiment_text = std::size_t{64} << 20U;
/// Most levels of a value that the text holds, beside those that are around it.
inline constexpr std::size_t deepest_inside = 200;
/// Bytes of the first line, with its newline.
inline constexpr std::size_t experiment_head_bytes = 103;

/// A field in the text.
struct WrittenField {
  Record value;
  std::string file;  ///< its name, without folder; empty: the value is inside
};

/// What the text says.
struct WrittenExperiment {
  ExperimentStatus status = ExperimentStatus::running;
  std::string reason;
  std::uint64_t created_ns = 0;
  std::uint64_t persisted_ns = 0;
  std::string host;
  std::string commit;
  std::string revision;  ///< of a text that was read
  std::map<std::string, WrittenField, std::less<>> fields;
};

/// Returns the text. `invalid_argument` if it is too long, or a value cannot be stored.
[[nodiscard]] Result<std::string> text_of_experiment(const WrittenExperiment& experiment,
                                                     std::string_view revision);
/// Returns the text with a first line of that revision, and a checksum.
[[nodiscard]] std::string sealed_experiment_text(std::string_view revision, std::string_view rest);
/// Inverts text_of_experiment(). `corrupt`: any change is found. The text is not trusted.
[[nodiscard]] Result<WrittenExperiment> read_experiment_text(
    std::string_view text, const std::weak_ptr<detail::SessionState>& session);
/// Returns the revision in the first line. `corrupt`; `unsupported` if a later version of locum wrote it.
[[nodiscard]] Result<std::string> revision_of_experiment(std::string_view first_line);

}  // namespace locum::storage
