#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/steps/step_files.hpp"
#include "transport/storage/durable_file.hpp"

namespace locum::storage {

/// See StepIndex. Throws Error from its constructor: `key_exists` if there is such a file, `system`.
class Hdf5StepIndex final : public detail::StepIndex {
 public:
  Hdf5StepIndex(std::string path, std::uint64_t writers);

  [[nodiscard]] Result<void> show(std::uint64_t number, const detail::StepRecord& step) override;
  [[nodiscard]] Result<void> end(const std::optional<Error>& failure) override;

 private:
  /// Writes the file that the user named: links to the first `shown_` steps, whether they are all, and why
  /// there are no more although the stream has not ended.
  void list(bool ended, const std::optional<Error>& failure = std::nullopt);

  const std::string path_;
  const std::uint64_t writers_;
  std::uint64_t shown_ = 0;   ///< steps
  std::uint64_t listed_ = 0;  ///< of these
  WritingLock lock_;
};

/// The record of a step that is shown; none if there is none yet. Throws Error `corrupt`, `system`.
[[nodiscard]] std::optional<detail::StepRecord> read_step(const std::string& path, std::uint64_t number);
/// Throws Error: `not_found`, `corrupt`, `unsupported` (of a newer version of this library), `system`.
[[nodiscard]] detail::StepFiles::State state_of_steps(const std::string& path);
/// The error of a stream whose state is `failed`. Throws Error as state_of_steps() does.
[[nodiscard]] Error failure_of_steps(const std::string& path);
/// How many steps are shown. Throws Error as state_of_steps() does.
[[nodiscard]] std::uint64_t count_of_steps(const std::string& path);

}  // namespace locum::storage
