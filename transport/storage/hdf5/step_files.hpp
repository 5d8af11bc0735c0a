#pragma once

#include "core/steps/step_files.hpp"

namespace locum::storage {

/// Streams of steps in HDF5 files: each writer has a file of its own for each step, and the first writer
/// makes one for the step that shows all of them as one. HDF5 is called by one thread at a time.
class Hdf5StepFiles final : public detail::StepFiles {
 public:
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
};

}  // namespace locum::storage
