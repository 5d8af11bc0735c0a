#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/mutex.hpp"
#include "core/steps/step_files.hpp"

namespace locum::storage {

/// Streams of steps in groups of Zarr, version 3, in folders of the system: see step_layout.hpp. A group is
/// of one stream: who creates it finds none there, also none of a run that was killed, whose whole steps are
/// read as any others. Values are numbers and arrays of numbers, one of each variable and step; anything else
/// is refused by the name of its variable before the rank has written any of its part.
class ZarrStepFiles final : public detail::StepFiles {
 public:
  ZarrStepFiles();
  ZarrStepFiles(const ZarrStepFiles&) = delete;
  ZarrStepFiles& operator=(const ZarrStepFiles&) = delete;
  ~ZarrStepFiles() override;

  [[nodiscard]] Result<std::shared_ptr<detail::StepIndex>> create(const std::string& path,
                                                                  std::uint64_t writers) override;
  [[nodiscard]] Result<void> write_part(const std::string& path, std::uint64_t number, std::uint64_t writer,
                                        detail::StepRecord& part,
                                        std::span<const ObjectView> objects) override;
  [[nodiscard]] Result<std::optional<detail::StepRecord>> read(const std::string& path,
                                                               std::uint64_t number) override;
  [[nodiscard]] Result<State> state(const std::string& path) override;
  [[nodiscard]] Error failure(const std::string& path) override;
  [[nodiscard]] Result<std::uint64_t> count(const std::string& path) override;
  [[nodiscard]] Result<FilePart> find(const std::string& path, std::uint64_t number,
                                      const detail::BlockRecord& block) override;

 private:
  struct ReadStep;

  [[nodiscard]] static Result<std::shared_ptr<const ReadStep>> open_step(const std::string& path,
                                                                         std::uint64_t number);

  Mutex mutex_;
  /// The step that was read last: a reader then looks for each of its blocks.
  std::shared_ptr<const ReadStep> last_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::storage
