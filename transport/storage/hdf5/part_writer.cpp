#include "transport/storage/hdf5/part_writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "core/base/checksum.hpp"
#include "core/value/error.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/early_dataset.hpp"
#include "transport/storage/hdf5/file_access.hpp"

namespace locum::storage {

namespace {

// One pass of the bytes through the processor's cache takes the checksum and writes them.
constexpr std::size_t slice_bytes = DirectWrites::most_bytes;
constexpr std::uint64_t packed_alignment = 16;
// In place of an offset: HDF5 has written the bytes, or a shared file has them.
constexpr std::uint64_t no_offset = ~std::uint64_t{0};

[[nodiscard]] std::string unnamed_path(const Key& key) {
  return "/.locum/unnamed/" + std::to_string(key.creator) + "-" + std::to_string(key.serial);
}

[[nodiscard]] std::string path_of(const ObjectFacts& facts) {
  return facts.name.empty() ? unnamed_path(facts.key) : dataset_path(facts.name);
}

// Writes all of a dataset that is there.
void fill(const Identifier& file, const char* path, const Identifier& type, const void* elements,
          std::size_t count) {
  const std::string what = std::string("writing the dataset '") + path + "'";
  if (count > 0) {
    const Identifier dataset(H5Dopen2(file.get(), path, H5P_DEFAULT), H5Dclose, what);
    check(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, elements), what);
  }
}

}  // namespace

ObjectFacts PinnedObjects::facts(std::size_t at) const {
  ObjectFacts facts = objects_[at].view.facts();
  if (objects_[at].unnamed) {
    facts.name = {};
  }
  return facts;
}

PartWriter::PartWriter(const std::string& path, const CheckpointFacts& facts,
                       std::unique_ptr<PartObjects> objects, std::vector<HandleRow> handles,
                       Chunking chunking, std::shared_ptr<const PartContents> earlier,
                       std::uint64_t dataset_bytes)
    : facts_(facts),
      chunking_(std::move(chunking)),
      dataset_bytes_(dataset_bytes),
      objects_(std::move(objects)),
      handles_(std::move(handles)),
      file_(path),
      earlier_(std::move(earlier)) {
  if (earlier_) {
    share(*earlier_);
  }
  note_paths();
  file_.try_room(expected_bytes());
  const std::vector<FileRow> files = shared_rows();
  Identifier file = begin(files);
  try {
    rows_.reserve(objects_->size());
    offsets_.reserve(objects_->size());
    for (std::size_t at = 0; at < objects_->size(); ++at) {
      add(file, at);
    }
    end(file, files);
  } catch (...) {
    const MutexLock lock(hdf5_mutex());
    file = {};
    throw;
  }
  paths_ = {};
  file_.open();
  file_.bypass_cache();  // the next job reads it, not this one
  file_bytes_ = file_.size();
  for (std::size_t at = 0; at < objects_->size(); ++at) {
    if (offsets_[at] == no_offset) {
      objects_->release(at);  // its memory is not needed until the others are written
    }
  }
}

Identifier PartWriter::begin(const std::vector<FileRow>& files) {
  const Hdf5Turn turn;
  const std::string what = "making the file '" + file_.temporary() + "'";
  Identifier file = create_unlocked(file_.temporary(), packed_below);
  const Identifier group(H5Gcreate2(file.get(), own_group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
                         what);
  set_attribute(group, "format", files.empty() ? whole_format : incremental_format);
  set_attribute(group, "id", facts_.id);
  set_attribute(group, "parts", facts_.parts);
  set_attribute(group, handles_checksum, checksum(std::as_bytes(std::span(handles_))));
  return file;
}

void PartWriter::end(Identifier& file, const std::vector<FileRow>& files) {
  const Hdf5Turn turn;
  packed_at_ = make_bytes(file, packed_path, packed_bytes_);
  (void)make_bytes(file, texts_path, texts_.size());
  const std::array<std::uint64_t, 1> row_count{rows_.size()};
  table_at_ = make_dataset(file, table_path, row_type(rows_.data()), row_count);
  const std::array<std::uint64_t, 1> handle_count{handles_.size()};
  handles_at_ = make_dataset(file, handles_path, row_type(handles_.data()), handle_count);
  if (!files.empty()) {
    const std::array<std::uint64_t, 1> file_count{files.size()};
    (void)make_dataset(file, files_path, row_type(files.data()), file_count);
    fill(file, files_path, row_type(files.data()), files.data(), files.size());
  }
  stamp_rows();
  fill(file, table_path, row_type(rows_.data()), rows_.data(), rows_.size());
  fill(file, texts_path, element_type("byte", 1), texts_.data(), texts_.size());
  const std::string what = "making the file '" + file_.temporary() + "'";
  check(H5Fflush(file.get(), H5F_SCOPE_LOCAL), what);
  file.close(what);
}

bool PartWriter::is_packed(const ObjectFacts& facts) const {
  const bool may_be_packed =
      facts.size_bytes < dataset_bytes_ || facts.name.empty() || !is_array_of_numbers(facts);
  return facts.size_bytes < packed_below && may_be_packed;
}

// The others are too small to be worth it.
bool PartWriter::is_in_chunks(const ObjectFacts& facts) const {
  return chunking_.any() && facts.size_bytes >= packed_below;
}

// Links the files of the earlier part of which enough is in use.
void PartWriter::share(const PartContents& earlier) {
  std::vector<std::uint64_t> used(earlier.files.size());
  for (std::size_t at = 0; at < objects_->size(); ++at) {
    if (const WrittenBytes* const there = earlier.find(objects_->facts(at))) {
      used[there->file] += there->size_bytes;
    }
  }
  shared_.emplace(earlier, used, folder_of(file_.path()));
}

const WrittenBytes* PartWriter::reused(const ObjectFacts& facts) const {
  const WrittenBytes* const there = shared_ ? earlier_->find(facts) : nullptr;
  return there != nullptr && shared_->place(there->file) > 0 ? there : nullptr;
}

std::vector<FileRow> PartWriter::shared_rows() const {
  std::vector<FileRow> rows;
  if (shared_) {
    std::ranges::transform(shared_->files(), std::back_inserter(rows), &WrittenFile::row);
  }
  return rows;
}

// HDF5 1.10 keeps a file half open that it cannot close for want of room, and ends the process when that
// exits.
std::uint64_t PartWriter::expected_bytes() const {
  constexpr std::uint64_t a_file = 64 * 1024;
  constexpr std::uint64_t a_dataset = 8 * 1024;
  std::uint64_t bytes = a_file + handles_.size() * sizeof(HandleRow);
  for (std::size_t at = 0; at < objects_->size(); ++at) {
    const ObjectFacts facts = objects_->facts(at);
    bytes += sizeof(ObjectRow) + facts.name.size();
    if (reused(facts) == nullptr) {
      bytes += facts.size_bytes + packed_alignment;
      // The last chunks along each axis are stored whole, and HDF5 notes some hundred bytes for each chunk.
      bytes += is_in_chunks(facts) ? facts.size_bytes : 0;
      bytes += is_packed(facts) ? 0 : a_dataset + most_bytes_of_path(dataset_path(facts.name));
    }
  }
  return bytes;
}

void PartWriter::note_paths() {
  for (std::size_t at = 0; at < objects_->size(); ++at) {
    const ObjectFacts facts = objects_->facts(at);
    if (!is_packed(facts) && !facts.name.empty() && reused(facts) == nullptr) {
      paths_.add(dataset_path(facts.name));
    }
  }
  paths_.sort();
}

TextPlace PartWriter::add_text(std::string_view text) {
  const TextPlace place{texts_.size(), text.size()};
  texts_ += text;
  return place;
}

void PartWriter::add(const Identifier& file, std::size_t at) {
  const ObjectFacts facts = objects_->facts(at);
  ObjectRow row;
  row.name = facts.name.empty() ? TextPlace{} : add_text(facts.name);
  if (facts.type_name != last_type_) {
    last_type_ = facts.type_name;
    last_type_place_ = add_text(facts.type_name);
  }
  row.type = last_type_place_;
  row.size_bytes = facts.size_bytes;
  row.rank = static_cast<std::uint32_t>(facts.extents.span().size());
  std::ranges::copy(facts.extents.span(), row.extents.begin());
  row.serial = facts.key.serial;
  row.creator = facts.key.creator;
  row.generation = facts.generation;
  row.element_bytes = facts.element_bytes;
  row.layout = static_cast<std::uint32_t>(facts.layout);
  payload_bytes_ += facts.size_bytes;
  if (is_packed(facts)) {
    row.place = packed_bytes_;
    packed_bytes_ += (facts.size_bytes + packed_alignment - 1) / packed_alignment * packed_alignment;
    offsets_.push_back(0);
  } else if (const WrittenBytes* const there = reused(facts)) {
    row.place = shared_->place(there->file);
    row.path = add_text(there->path);
    row.checksum = there->checksum;
    reused_bytes_ += facts.size_bytes;
    offsets_.push_back(no_offset);
  } else {
    std::string path = path_of(facts);
    if (paths_.is_group(path)) {
      path += beside_a_group;
    }
    row.path = add_text(path);
    std::span<const std::byte> bytes;
    if (is_in_chunks(facts)) {
      bytes = objects_->bytes(at);
      row.checksum = checksum(bytes);
    }
    offsets_.push_back(add_dataset(file, path, facts, bytes));
  }
  rows_.push_back(row);
}

std::uint64_t PartWriter::add_dataset(const Identifier& file, const std::string& path,
                                      const ObjectFacts& facts, std::span<const std::byte> bytes) {
  const Hdf5Turn turn;
  const bool is_plain = is_plain_array(facts);
  const Extents extents = is_plain ? extents_of_dataset(facts) : Extents(facts.size_bytes);
  const Identifier type =
      is_plain ? element_type(element_name(facts), facts.element_bytes) : element_type("byte", 1);
  std::uint64_t offset = no_offset;
  if (is_in_chunks(facts)) {
    write_chunks(file, path, type, extents.span(), bytes);
  } else {
    offset = make_dataset(file, path, type, extents.span());
  }
  const Identifier dataset(H5Dopen2(file.get(), path.c_str(), H5P_DEFAULT), H5Dclose,
                           "naming a dataset's type");
  set_attribute(dataset, "locum_type", std::string(facts.type_name));
  return offset;
}

std::uint64_t PartWriter::make_dataset(const Identifier& file, const std::string& path,
                                       const Identifier& type, std::span<const std::uint64_t> extents) {
  return make_early_dataset(file, file_.temporary(), path, type, extents);
}

void PartWriter::write_chunks(const Identifier& file, const std::string& path, const Identifier& type,
                              std::span<const std::uint64_t> extents,
                              std::span<const std::byte> bytes) const {
  const std::string what = "writing the dataset '" + path + "' to '" + file_.temporary() + "'";
  const Identifier creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, what);
  chunking_.set(creation, {extents.begin(), extents.end()}, type);
  const Identifier dataset = storage::make_dataset(file, path, type, extents, creation, what);
  check(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), what);
}

std::uint64_t PartWriter::make_bytes(const Identifier& file, const char* path, std::uint64_t bytes) {
  const std::array<std::uint64_t, 1> count{bytes};
  return make_dataset(file, path, element_type("byte", 1), count);
}

void PartWriter::stamp_rows() {
  const std::string_view texts(texts_);
  for (ObjectRow& row : rows_) {
    const auto text = [&](const TextPlace& place) { return texts.substr(place.at, place.bytes); };
    row.row_checksum = checksum_of(row, {text(row.name), text(row.type), text(row.path)});
  }
}

void PartWriter::write(const std::function<void()>& pause) {
  for (std::size_t at = 0; at < objects_->size(); ++at) {
    write_object(at, pause);
  }
  write_staged(staged_.size());
  stamp_rows();
  file_.write_at(handles_at_, std::as_bytes(std::span(handles_)));
  file_.write_at(table_at_, std::as_bytes(std::span(rows_)));
  if (shared_) {
    shared_->publish();
  }
  file_.publish();  // waits for the folder, with all names in it
  objects_.reset();
}

void PartWriter::take_back() noexcept {
  ::unlink(file_.path().c_str());
  if (shared_) {
    shared_->take_back();
  }
}

PartContents PartWriter::contents(std::uint32_t store, std::uint64_t node) const {
  PartContents all;
  all.folder = folder_of(file_.path());
  all.files.push_back({.row = {facts_.id, node, file_bytes_},
                       .identity = identity_of(file_.path()).value_or(FileIdentity{}),
                       .payload_bytes = payload_bytes_ - reused_bytes_});
  if (shared_) {
    all.files.insert(all.files.end(), shared_->files().begin(), shared_->files().end());
  }
  for (const ObjectRow& row : rows_) {
    if (row.path.bytes > 0) {
      all.objects.insert({Key{store, row.creator, row.serial},
                          WrittenBytes{.file = static_cast<std::uint32_t>(row.place),
                                       .checksum = row.checksum,
                                       .size_bytes = row.size_bytes,
                                       .path = texts_.substr(row.path.at, row.path.bytes)}});
    }
  }
  return all;
}

void PartWriter::write_object(std::size_t at, const std::function<void()>& pause) {
  if (offsets_[at] == no_offset) {
    return;
  }
  const std::span<const std::byte> bytes = objects_->bytes(at);
  const auto paused = [&] {
    if (pause) {
      pause();
    }
  };
  ObjectRow& row = rows_[at];
  if (row.path.bytes == 0) {
    row.checksum = checksum(bytes);
    staged_.resize(row.place - staged_from_);  // the gap since the last one
    staged_.insert(staged_.end(), bytes.begin(), bytes.end());
    if (staged_.size() >= slice_bytes) {
      paused();
      write_staged(slice_bytes);
    }
    return;
  }
  for (std::size_t from = 0; from < bytes.size(); from += slice_bytes) {
    paused();
    const auto slice = bytes.subspan(from, std::min(slice_bytes, bytes.size() - from));
    row.checksum = checksum(slice, row.checksum);
    file_.write_at(offsets_[at] + from, slice);
  }
}

void PartWriter::write_staged(std::size_t bytes) {
  file_.write_at(packed_at_ + staged_from_, std::span(staged_).first(bytes));
  staged_.erase(staged_.begin(), staged_.begin() + static_cast<std::ptrdiff_t>(bytes));
  staged_from_ += bytes;
}

}  // namespace locum::storage
