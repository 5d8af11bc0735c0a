#include "transport/storage/hdf5/checkpoint_files.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "core/checkpoint_options.hpp"
#include "core/value/error.hpp"
#include "core/value/type_name.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/file_series.hpp"
#include "transport/storage/hdf5/checkpoint_series.hpp"
#include "transport/storage/hdf5/chunking.hpp"
#include "transport/storage/hdf5/dataset_path.hpp"
#include "transport/storage/hdf5/earlier_checkpoints.hpp"
#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_reader.hpp"
#include "transport/storage/hdf5/part_writer.hpp"

namespace locum::storage {

namespace {

class Part final : public PartWriting {
 public:
  /// \param earlier null: the checkpoint is not incremental
  Part(const std::string& path, PartDraft draft, const CheckpointOptions& options,
       std::shared_ptr<EarlierCheckpoints> earlier)
      : earlier_(std::move(earlier)),
        number_(earlier_ ? earlier_->begin() : 0),
        store_name_(std::move(draft.store_name)),
        store_(draft.store),
        node_(draft.node),
        part_(parts_folder(path) + '/' + part_file(draft.facts.id, node_), draft.facts,
              std::make_unique<PinnedObjects>(std::move(draft.objects)), std::move(draft.handles),
              chunking_of(options), earlier_ ? earlier_->last(store_name_) : nullptr, options.dataset_bytes) {
  }

  Sizes sizes() const noexcept override { return {part_.row(), part_.payload_bytes(), part_.reused_bytes()}; }
  void write(const std::function<void()>& pause) override { part_.write(pause); }
  void take_back() noexcept override { part_.take_back(); }
  void remember() noexcept override {
    if (earlier_) {
      try {
        earlier_->remember(store_name_, number_, part_.contents(store_, node_));
      } catch (const std::exception&) {  // no memory
      }
    }
  }

 private:
  const std::shared_ptr<EarlierCheckpoints> earlier_;
  const std::uint64_t number_;
  const std::string store_name_;
  const std::uint32_t store_;
  const std::uint64_t node_;
  PartWriter part_;
};

// What jobs that died have left at that path: the older checkpoint does not refer to it.
void remove_left_overs(const std::string& path) {
  std::vector<std::string> names;
  try {
    names = part_names(read_master(path));
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) {
      return;
    }
  } catch (const std::exception&) {  // sizes that no memory has
    return;
  }
  remove_other_parts(path, names);
}

class Writes final : public CheckpointWrites {
 public:
  Writes(const std::string& path, const std::string& store_name, const CheckpointOptions& options,
         EarlierCheckpoints& earlier)
      : path_(path), lock_(path) {
    (void)chunking_of(options);
    remove_left_overs(path_);
    master_.store = dataset_path(store_name);
    master_.rolling = options.keep > 0;
    master_.xdmf = options.xdmf;
    if (master_.rolling) {
      expired_ = roll(path_, master_.store, options.keep);
    }
    master_.time_ns = earlier.next_time(path_);
    folder_.path = master_.parts_folder = parts_folder(path_);
    std::filesystem::create_directory(folder_.path);
  }

  void make(CheckpointContents contents) override {
    contents.parts_folder = std::move(master_.parts_folder);
    static_cast<CheckpointContents&>(master_) = std::move(contents);
    writer_.emplace(path_, std::move(master_));
  }
  void publish() override {
    writer_->publish();
    remove_other_parts(path_, part_names(writer_->master()));
    for (const ExpiredCheckpoint& expired : expired_) {
      remove_expired(expired);
    }
  }

 private:
  /// Removes the folder of the parts if it is empty in the end.
  struct PartsFolder {
    PartsFolder() = default;
    PartsFolder(const PartsFolder&) = delete;
    PartsFolder& operator=(const PartsFolder&) = delete;
    ~PartsFolder() {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);  // only if it is empty
    }
    std::string path;
  };

  const std::string path_;
  const WritingLock lock_;
  PartsFolder folder_;
  std::vector<ExpiredCheckpoint> expired_;
  MasterFile master_;  ///< until make()
  std::optional<MasterWriter> writer_;
};

class OpenPart final : public PartReading {
 public:
  OpenPart(PartReader part, std::uint64_t store)
      : part_(std::move(part)), store_(static_cast<std::uint32_t>(store)) {}

  std::size_t size() const noexcept override { return part_.rows().size(); }
  bool is_whole(std::size_t at) const noexcept override { return part_.is_whole(row(at)); }
  ObjectFacts facts(std::size_t at) const override {
    const ObjectRow& from = row(at);
    ObjectFacts facts{.key = {store_, from.creator, from.serial},
                      .size_bytes = from.size_bytes,
                      .generation = from.generation,
                      .element_bytes = from.element_bytes,
                      .layout = static_cast<Layout>(from.layout),
                      .extents = {},
                      .type_name = part_.type(from),
                      .name = part_.name(from)};
    facts.type_hash = text_hash(facts.type_name);
    facts.extents.rank = static_cast<std::uint8_t>(from.rank);
    std::copy_n(from.extents.begin(), from.rank, facts.extents.values.begin());
    return facts;
  }
  std::span<const HandleRow> handles() const override {
    part_.require_handles();
    return part_.handles();
  }
  std::vector<std::byte> packed(std::span<const std::size_t> objects) const override {
    std::vector<const ObjectRow*> rows;
    rows.reserve(objects.size());
    for (const std::size_t at : objects) {
      rows.push_back(&row(at));
    }
    return part_.packed(rows);
  }
  void read(std::size_t at, std::span<std::byte> bytes) override { part_.read(row(at), bytes); }
  FilePart file_part(std::size_t at, bool must_exist) const override;
  const std::string& path() const noexcept override { return part_.file(); }

 private:
  [[nodiscard]] const ObjectRow& row(std::size_t at) const noexcept { return part_.rows()[at]; }

  PartReader part_;
  const std::uint32_t store_;
};

// HDF5 is asked where the bytes are, unless they are packed. What it cannot find is found damaged when it is
// read.
FilePart OpenPart::file_part(std::size_t at, bool must_exist) const {
  const ObjectRow& from = row(at);
  if (must_exist) {
    part_.require_file_of(from);
  }
  FilePart part;
  part.path = part_.file(from);
  part.bytes_in = part.path;
  part.dataset = part_.path(from);
  part.type = part_.type(from);
  part.element_bytes = from.element_bytes;
  part.layout = static_cast<std::uint8_t>(from.layout);
  part.of_checkpoint = 1;
  part.checksum = from.checksum;
  if (from.size_bytes % from.element_bytes != 0) {
    throw file_damaged(part_.file(), "an object in its table has half an element");
  }
  part.count = {from.extents.begin(), from.extents.begin() + from.rank};
  if (part.count.empty()) {
    part.count = {from.size_bytes / from.element_bytes};
  }
  part.extents = part.count;
  part.start.assign(part.count.size(), 0);
  part.stride.assign(part.count.size(), 1);
  try {
    if (const auto offset = part_.find(from)) {
      part.offset = *offset;
      part.is_plain = 1;
    }
  } catch (const Error&) {  // of which its reader will tell
    part.is_plain = 0;
  }
  return part;
}

class OpenCheckpoint final : public CheckpointReading {
 public:
  explicit OpenCheckpoint(MasterFile master) : master_(std::move(master)) {}

  const CheckpointContents& contents() const noexcept override { return master_; }
  std::unique_ptr<PartReading> open(std::size_t part, bool must_be_whole) const override {
    PartReader reader = open_part(master_, part);
    if (must_be_whole) {
      reader.require_shared_files();
    }
    return opened(std::move(reader));
  }
  std::unique_ptr<PartReading> open_packed(std::size_t part,
                                           std::span<const std::byte> packed) const override {
    return opened(open_part(master_, part, packed));
  }

 private:
  [[nodiscard]] std::unique_ptr<PartReading> opened(PartReader reader) const {
    return std::make_unique<OpenPart>(std::move(reader), master_.origins.front().store);
  }

  const MasterFile master_;
};

class Files final : public CheckpointFiles {
 public:
  std::unique_ptr<CheckpointWrites> begin(const std::string& path, const std::string& store_name,
                                          const CheckpointOptions& options) override {
    return std::make_unique<Writes>(path, store_name, options, *earlier_);
  }
  std::unique_ptr<PartWriting> make_part(const std::string& path, PartDraft draft,
                                         const CheckpointOptions& options) override {
    return std::make_unique<Part>(path, std::move(draft), options, options.incremental ? earlier_ : nullptr);
  }
  std::unique_ptr<CheckpointReading> open(const std::string& path) override {
    return std::make_unique<OpenCheckpoint>(read_master(path));
  }
  std::vector<CheckpointCandidate> find(const std::string& pattern) override {
    const auto series = series_like(pattern);
    if (!series) {
      throw Error(
          Errc::invalid_argument,
          "'" + pattern +
              "' is no series of checkpoints: write one '*' in place of the number in the file name, as "
              "in 'step*.h5'");
    }
    std::vector<CheckpointCandidate> found;
    for (const SeriesEntry& entry : read_series(*series)) {
      found.push_back({entry.path, entry.error ? entry.error->what() : ""});
    }
    return found;
  }
  std::uint64_t number_of(std::string_view path, std::string_view pattern) override {
    if (pattern.empty()) {
      return storage::number_of(path);
    }
    const auto series = series_like(pattern);
    return series ? series->number(file_name_of(std::string(path))).value_or(0) : 0;
  }
  std::string parts_folder(const std::string& path) override { return storage::parts_folder(path); }

 private:
  const std::shared_ptr<EarlierCheckpoints> earlier_ = std::make_shared<EarlierCheckpoints>();
};

}  // namespace

std::shared_ptr<CheckpointFiles> open_checkpoint_files() {
  return std::make_shared<Files>();
}

}  // namespace locum::storage
