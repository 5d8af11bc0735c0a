#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/steps/step_files.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/zarr/metadata.hpp"
#include "transport/storage/zarr/steps/step_layout.hpp"

namespace locum::storage {

/// See StepIndex. A step is shown by the file of the group's metadata, which is replaced as one step, and has
/// the metadata of all arrays as they are then (consolidated metadata). Before it, those of each array are
/// replaced, for programs that read an array alone.
class ZarrStepIndex final : public detail::StepIndex {
 public:
  /// Makes the group. `key_exists` if there is a file or a folder; `system`.
  [[nodiscard]] static Result<std::shared_ptr<detail::StepIndex>> make(const std::string& path,
                                                                       std::uint64_t writers);
  ZarrStepIndex(std::unique_ptr<WritingLock> lock, ZarrPlace group, std::uint64_t writers)
      : lock_(std::move(lock)), group_(std::move(group)) {
    shown_.header.writers = writers;
  }

  [[nodiscard]] Result<void> show(std::uint64_t number, const detail::StepRecord& step) override;
  [[nodiscard]] Result<void> end(const std::optional<Error>& failure) override;

 private:
  /// What the file of the group says.
  struct Shown {
    ZarrStepsHeader header;
    std::map<std::string, ZarrMetadata> arrays;  ///< of all variables that were in a step
  };

  /// Checks a step, and adds the arrays of its variables that were in none before.
  [[nodiscard]] Result<void> add_arrays(Shown& to, std::uint64_t number,
                                        const detail::StepRecord& step) const;
  /// Writes the file of the group.
  [[nodiscard]] Result<void> write(const Shown& shown) const;

  const std::unique_ptr<WritingLock> lock_;
  const ZarrPlace group_;
  Shown shown_;
};

}  // namespace locum::storage
