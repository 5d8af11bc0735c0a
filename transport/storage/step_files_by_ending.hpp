#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/ports/file_reader.hpp"
#include "core/steps/step_files.hpp"

namespace locum::storage {

/// Returns whether steps under this path are in a group of Zarr: it ends in `.zarr`.
[[nodiscard]] bool is_zarr_path(const std::string& path) noexcept;

/// Streams of steps in groups of Zarr where the path ends in `.zarr`, else in the files of another part of
/// the library; without that (null) they are `unsupported`.
class StepFilesByEnding final : public detail::StepFiles {
 public:
  explicit StepFilesByEnding(std::shared_ptr<detail::StepFiles> others);

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
  [[nodiscard]] Result<detail::StepFiles*> files_of(const std::string& path) const;

  const std::shared_ptr<detail::StepFiles> zarr_;
  const std::shared_ptr<detail::StepFiles> others_;
};

/// Reads the parts of files that StepFilesByEnding finds, and by `others` all that are not in a group of
/// Zarr.
class PartReaderByEnding final : public FileReader {
 public:
  explicit PartReaderByEnding(std::shared_ptr<FileReader> others);

  [[nodiscard]] Result<void> read(const FilePart& part, std::span<std::byte> into,
                                  const Stopped& stopped) override;
  [[nodiscard]] bool may_read_in_background(const FilePart& part) const override;

 private:
  const std::shared_ptr<FileReader> zarr_;
  const std::shared_ptr<FileReader> others_;
};

}  // namespace locum::storage
