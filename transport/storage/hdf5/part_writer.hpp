#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/object/object.hpp"
#include "core/ports/checkpoint_files.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"
#include "transport/storage/hdf5/chunking.hpp"
#include "transport/storage/hdf5/dataset_path.hpp"
#include "transport/storage/hdf5/shared_files.hpp"

namespace locum::storage {

/// What a part is made of. Used by one thread at a time; by those of PartWriter.
class PartObjects {
 public:
  PartObjects() = default;
  PartObjects(const PartObjects&) = delete;
  PartObjects& operator=(const PartObjects&) = delete;
  virtual ~PartObjects() = default;

  [[nodiscard]] virtual std::size_t size() const noexcept = 0;
  /// Without a name, if that is not to be kept. Texts are valid as long as this lives.
  [[nodiscard]] virtual ObjectFacts facts(std::size_t at) const = 0;
  /// Valid until the next call. hdf5_mutex() is not held. May throw Error.
  [[nodiscard]] virtual std::span<const std::byte> bytes(std::size_t at) = 0;
  /// Nothing of it is asked for any more.
  virtual void release(std::size_t at) noexcept = 0;
};

class PinnedObjects final : public PartObjects {
 public:
  explicit PinnedObjects(std::vector<WrittenObject> objects) noexcept : objects_(std::move(objects)) {}
  [[nodiscard]] std::size_t size() const noexcept override { return objects_.size(); }
  [[nodiscard]] ObjectFacts facts(std::size_t at) const override;
  [[nodiscard]] std::span<const std::byte> bytes(std::size_t at) override {
    return objects_[at].view.bytes();
  }
  void release(std::size_t at) noexcept override { objects_[at].view = {}; }

 private:
  std::vector<WrittenObject> objects_;
};

/// The file with the objects of one node. The constructor makes it by HDF5, with place for all bytes, and
/// with its table, in which only the checksums of the bytes are missing: a PartReader can open it at its
/// temporary name. write() fills it without HDF5, so that another thread may call it while the program uses
/// HDF5. Throws Error.
class PartWriter {
 public:
  /// \param chunking of datasets: if there is any, HDF5 writes all of them in the constructor
  /// \param earlier objects that this has are not written again, as far as its files are worth sharing. Null:
  ///   all are written
  /// \param dataset_bytes named arrays of numbers of so many bytes have datasets of their own, too
  /// REQUIRES: the folder of `path` exists.
  PartWriter(const std::string& path, const CheckpointFacts& facts, std::unique_ptr<PartObjects> objects,
             std::vector<HandleRow> handles, Chunking chunking = {},
             std::shared_ptr<const PartContents> earlier = nullptr,
             std::uint64_t dataset_bytes = packed_below);

  /// Writes the bytes and their checksums, waits until they are on the disk, and gives the file, and those
  /// that it shares, their names. Called once. `pause` is called before each write of 2 MiB at most; what it
  /// throws ends the writing.
  void write(const std::function<void()>& pause = {});
  /// Removes the names that write() has given.
  void take_back() noexcept;

  [[nodiscard]] PartRow row() const noexcept { return {rows_.size(), file_bytes_}; }
  [[nodiscard]] std::uint64_t payload_bytes() const noexcept { return payload_bytes_; }
  /// Of these the ones that are in shared files.
  [[nodiscard]] std::uint64_t reused_bytes() const noexcept { return reused_bytes_; }
  /// For the next part. REQUIRES: write() has returned.
  [[nodiscard]] PartContents contents(std::uint32_t store, std::uint64_t node) const;

 private:
  // The three steps of making the file. They take hdf5_mutex().
  [[nodiscard]] Identifier begin(const std::vector<FileRow>& files);
  void add(const Identifier& file, std::size_t at);
  void end(Identifier& file, const std::vector<FileRow>& files);

  /// Whether it has no dataset of its own.
  [[nodiscard]] bool is_packed(const ObjectFacts& facts) const;
  /// HDF5 writes it in chunks.
  [[nodiscard]] bool is_in_chunks(const ObjectFacts& facts) const;
  void share(const PartContents& earlier);
  /// Where an object is in the shared files; null: it is to be written.
  [[nodiscard]] const WrittenBytes* reused(const ObjectFacts& facts) const;
  [[nodiscard]] std::vector<FileRow> shared_rows() const;
  /// An early-allocated dataset: where its bytes are in the file.
  [[nodiscard]] std::uint64_t make_dataset(const Identifier& file, const std::string& path,
                                           const Identifier& type, std::span<const std::uint64_t> extents);
  [[nodiscard]] std::uint64_t make_bytes(const Identifier& file, const char* path, std::uint64_t bytes);
  void write_chunks(const Identifier& file, const std::string& path, const Identifier& type,
                    std::span<const std::uint64_t> extents, std::span<const std::byte> bytes) const;
  /// Returns where its bytes are to be written.
  [[nodiscard]] std::uint64_t add_dataset(const Identifier& file, const std::string& path,
                                          const ObjectFacts& facts, std::span<const std::byte> bytes);
  [[nodiscard]] TextPlace add_text(std::string_view text);
  void note_paths();
  [[nodiscard]] std::uint64_t expected_bytes() const;
  void stamp_rows();
  void write_object(std::size_t at, const std::function<void()>& pause);
  /// The first of the staged bytes.
  void write_staged(std::size_t bytes);

  const CheckpointFacts facts_;
  const Chunking chunking_;
  const std::uint64_t dataset_bytes_;
  std::unique_ptr<PartObjects> objects_;
  std::vector<ObjectRow> rows_;
  std::vector<std::uint64_t> offsets_;  ///< of each object's dataset in the file; unused if packed
  std::vector<HandleRow> handles_;
  std::string texts_;
  DatasetPaths paths_;  ///< of the named ones, while the file is made
  std::string last_type_;
  TextPlace last_type_place_;
  std::uint64_t packed_bytes_ = 0;
  std::uint64_t payload_bytes_ = 0;
  std::uint64_t reused_bytes_ = 0;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t table_at_ = 0;
  std::uint64_t handles_at_ = 0;
  std::uint64_t packed_at_ = 0;
  std::vector<std::byte> staged_;  ///< packed bytes that are not written yet
  std::uint64_t staged_from_ = 0;  ///< place of the first of them
  DurableFile file_;
  std::shared_ptr<const PartContents> earlier_;
  std::optional<SharedFiles> shared_;
};

}  // namespace locum::storage
