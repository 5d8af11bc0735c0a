#pragma once

#include <cstdint>
#include <string>

/// What the files of a stream of steps have in common: docs/guide/hdf5.md describes them.
namespace locum::storage {

inline constexpr std::uint32_t steps_format = 1;

/// Of the file of a step: its StepRecord, as the serialiser writes it.
inline constexpr const char* record_path = "/.locum/record";

/// Of the file that the user named, where the stream has failed: the text of its error.
inline constexpr const char* failure_attribute = "failure";

/// The folder of the steps: beside the file that the user named.
[[nodiscard]] std::string steps_folder(const std::string& path);
/// `000042`: as the step is called in the files.
[[nodiscard]] std::string step_text(std::uint64_t number);
/// The file that shows a step, in that folder.
[[nodiscard]] std::string step_file(std::uint64_t number);
/// The file with the blocks of one writer, in that folder.
[[nodiscard]] std::string step_part_file(std::uint64_t number, std::uint64_t writer);
/// The dataset of a block in that file.
[[nodiscard]] std::string block_path(std::uint64_t place);

/// The error of a file of a step that is under the name of another one.
[[nodiscard]] Error of_another_step(const std::string& path, std::uint64_t number);

}  // namespace locum::storage
