#include "transport/storage/hdf5/compact_checkpoint.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "core/base/hash.hpp"
#include "core/base/resolved_path.hpp"
#include "core/value/error.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_reader.hpp"
#include "transport/storage/hdf5/part_writer.hpp"

namespace locum::storage {

namespace {

/// The objects of a part, read one after the other.
class StoredObjects final : public PartObjects {
 public:
  StoredObjects(PartReader part, std::uint32_t store) : part_(std::move(part)), store_(store) {
    part_.require_shared_files();
    part_.require_handles();
    for (const ObjectRow& row : part_.rows()) {
      if (!part_.is_whole(row)) {
        throw file_damaged(part_.file(), "a row of its table is not valid");
      }
    }
  }

  [[nodiscard]] std::size_t size() const noexcept override { return part_.rows().size(); }
  [[nodiscard]] ObjectFacts facts(std::size_t at) const override {
    const ObjectRow& row = part_.rows()[at];
    ObjectFacts facts{.key = {store_, row.creator, row.serial},
                      .size_bytes = row.size_bytes,
                      .generation = row.generation,
                      .type_hash = text_hash(part_.type(row)),
                      .element_bytes = row.element_bytes,
                      .layout = static_cast<Layout>(row.layout),
                      .extents = {},
                      .type_name = part_.type(row),
                      .name = part_.name(row)};
    facts.extents.rank = static_cast<std::uint8_t>(row.rank);
    std::copy_n(row.extents.begin(), row.rank, facts.extents.values.begin());
    return facts;
  }
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t at) override {
    const ObjectRow& row = part_.rows()[at];
    bytes_.resize(row.size_bytes);
    try {
      part_.read(row, bytes_);
    } catch (const Error& error) {
      throw row.name.bytes > 0 ? error.about(part_.name(row)) : error;
    }
    return bytes_;
  }

  void release(std::size_t /*at*/) noexcept override {}

  [[nodiscard]] std::vector<HandleRow> handles() const {
    return {part_.handles().begin(), part_.handles().end()};
  }
  /// An option of the whole checkpoint: the smallest array with a dataset has so many bytes.
  [[nodiscard]] std::uint64_t dataset_bytes() const {
    std::uint64_t least = packed_below;
    for (const ObjectRow& row : part_.rows()) {
      least = row.path.bytes > 0 ? std::min(least, row.size_bytes) : least;
    }
    return least;
  }
  /// An option of the whole checkpoint: that of the object with the largest chunks, since small ones have
  /// small chunks; of those with a filter, since not all objects get it.
  [[nodiscard]] Chunking chunking() const {
    Chunking all;
    for (const ObjectRow& row : part_.rows()) {
      Chunking one = part_.chunking(row);
      const auto rank = [](const Chunking& each) {
        return std::pair(each.filter != H5Z_FILTER_NONE, each.chunk_bytes);
      };
      if (rank(one) > rank(all)) {
        all = std::move(one);
      }
    }
    return all;
  }

 private:
  PartReader part_;
  const std::uint32_t store_;
  std::vector<std::byte> bytes_;
};

}  // namespace

Compacted compact_checkpoint(const std::string& given) {
  const std::string path = resolved_path(given);
  const WritingLock lock(path);
  const MasterFile old = read_master(path);
  Compacted done{.objects = 0, .bytes = 0, .shared = old.files.size()};
  const bool is_own_folder = old.parts_folder == parts_folder(path);
  if (is_own_folder) {
    remove_other_parts(path, part_names(old));  // what a job, or this command, has left that died
  }
  if (old.files.empty()) {
    return done;
  }
  MasterFile whole = old;
  std::random_device device;
  whole.facts.id = (std::uint64_t{device()} << 32U) | device();
  whole.parts_folder = parts_folder(path);
  whole.files.clear();
  whole.parts.clear();
  if (!is_own_folder) {
    done.old_folder = old.parts_folder;  // the file was renamed; another one may be in its folder
  }
  std::filesystem::create_directory(whole.parts_folder);
  std::optional<MasterWriter> master;
  try {
    for (std::size_t part = 0; part < old.parts.size(); ++part) {
      auto objects = std::make_unique<StoredObjects>(open_part(old, part),
                                                     static_cast<std::uint32_t>(old.origins.front().store));
      std::vector<HandleRow> handles = objects->handles();
      Chunking chunking = objects->chunking();
      const std::uint64_t dataset_bytes = objects->dataset_bytes();
      PartWriter writer(whole.parts_folder + '/' + part_file(whole.facts.id, part), whole.facts,
                        std::move(objects), std::move(handles), std::move(chunking), nullptr, dataset_bytes);
      whole.parts.push_back(writer.row());
      writer.write();
      done.objects += writer.row().objects;
      done.bytes += writer.payload_bytes();
    }
    master.emplace(path, whole);
  } catch (...) {
    whole.parts.resize(old.parts.size());
    remove_unfinished_parts(path, part_names(whole));
    throw;
  }
  master->publish();  // if that fails, either of the two may be there
  if (is_own_folder) {
    remove_other_parts(path, part_names(whole));
  }
  return done;
}

}  // namespace locum::storage
