#pragma once

#include <atomic>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <locum/zarr.hpp>

#include "core/url.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/zarr/metadata.hpp"
#include "transport/storage/zarr/zarr_state.hpp"

namespace locum::tests {

/// How often files of an area were read.
struct AreaCounts {
  std::function<void()> when_opened = [] {};   ///< called before a file is opened
  std::function<void()> when_written = [] {};  ///< called before one is made or changed
  std::atomic<int> opened{0};
  std::atomic<int> reads{0};
  std::atomic<std::uint64_t> bytes{0};
};

/// An open file whose reads are counted.
class CountedFile final : public storage::AreaFile {
 public:
  CountedFile(std::unique_ptr<storage::AreaFile> file, AreaCounts& counts)
      : file_(std::move(file)), counts_(counts) {}

  [[nodiscard]] const storage::AreaFacts& facts() const noexcept override { return file_->facts(); }
  [[nodiscard]] bool is_unchanged() const noexcept override { return file_->is_unchanged(); }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return file_->size_bytes(); }
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    ++counts_.reads;
    counts_.bytes += into.size();
    return file_->read(offset, into);
  }
  [[nodiscard]] Result<InPlace> in_place() override { return file_->in_place(); }
  [[nodiscard]] bool is_mapped() const noexcept override { return file_->is_mapped(); }
  [[nodiscard]] const std::string& path() const noexcept override { return file_->path(); }
  void concurrently(std::size_t count, const std::function<void(std::size_t)>& call) override {
    file_->concurrently(count, call);
  }

 private:
  const std::unique_ptr<storage::AreaFile> file_;
  AreaCounts& counts_;
};

/// An area over another one. `counts` is to outlive it.
class CountingArea final : public storage::FileArea {
 public:
  CountingArea(std::shared_ptr<storage::FileArea> area, AreaCounts& counts)
      : area_(std::move(area)), counts_(counts) {}

  [[nodiscard]] Result<storage::AreaFacts> facts(const std::string& path) override {
    return area_->facts(path);
  }
  [[nodiscard]] Result<std::unique_ptr<storage::AreaFile>> open(const std::string& path,
                                                                const storage::OpenedHow& how) override {
    counts_.when_opened();
    auto file = area_->open(path, how);
    if (!file) {
      return file;
    }
    ++counts_.opened;
    return std::unique_ptr<storage::AreaFile>(std::make_unique<CountedFile>(std::move(*file), counts_));
  }
  [[nodiscard]] Result<std::unique_ptr<storage::AreaDraft>> create(const std::string& path) override {
    counts_.when_written();
    return area_->create(path);
  }
  [[nodiscard]] Result<void> update(const storage::UpdatedFile& file, const storage::FileChange& change,
                                    Deadline deadline) override {
    counts_.when_written();
    return area_->update(file, change, deadline);
  }
  [[nodiscard]] Result<std::vector<storage::AreaEntry>> list(const std::string& folder) override {
    return area_->list(folder);
  }
  [[nodiscard]] Result<void> make_folders(const std::string& path) override {
    return area_->make_folders(path);
  }
  [[nodiscard]] Result<bool> remove(const std::string& path) override { return area_->remove(path); }
  [[nodiscard]] const std::string& name() const noexcept override { return area_->name(); }

 private:
  const std::shared_ptr<storage::FileArea> area_;
  AreaCounts& counts_;
};

/// Opens an array of version 3, whose reads are counted. \param folder its folder is in. \param parts of the
/// node, for decoded chunks
inline ZarrArray counted_array(const std::string& folder, const std::string& path, AreaCounts& counts,
                               std::shared_ptr<storage::SharedParts> parts = {}) {
  std::ifstream in(folder + '/' + path + "/zarr.json");
  const std::string json{std::istreambuf_iterator<char>(in), {}};
  const auto area = storage::open_folder_area(parse_url("file://" + folder + "?sync=0").value()).value();
  return ZarrArray(std::make_shared<detail::ZarrState>(
      storage::ZarrPlace{std::make_shared<CountingArea>(area, counts), path, std::move(parts)},
      storage::read_zarr_v3(json).value()));
}

}  // namespace locum::tests
