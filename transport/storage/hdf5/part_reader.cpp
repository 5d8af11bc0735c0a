#include "transport/storage/hdf5/part_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/error.hpp"
#include "core/object/address.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/master_file.hpp"

namespace locum::storage {

namespace {

constexpr std::uint64_t longest_type = 64 * 1024 - 1;
constexpr std::uint64_t verified_bytes = std::uint64_t{1} << 20U;

[[noreturn]] void damaged(const std::string& path, const std::string& how) {
  throw Error(Errc::corrupt, "the checkpoint's file '" + path + "' is damaged: " + how);
}

bool has_valid_extents(const ObjectRow& row) {
  if (row.layout != static_cast<std::uint32_t>(Layout::array)) {
    return row.rank == 0;
  }
  if (row.rank == 0) {
    return true;
  }
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(row.rank);
  std::copy_n(row.extents.begin(), row.rank, extents.values.begin());
  return row.size_bytes % row.element_bytes == 0 && extents.has(row.size_bytes / row.element_bytes);
}

}  // namespace

PartReader::PartReader(const std::string& path, const CheckpointFacts& facts, const PartRow& expected)
    : path_(path) {
  const MutexLock lock(hdf5_mutex());
  const QuietErrors quiet;
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) {
    throw errno == ENOENT
        ? Error(Errc::not_found,
                "the file '" + path +
                    "' of this checkpoint is missing: copy a checkpoint with its folder, and "
                    "restore where all of it is to be seen")
        : system_error("opening the file '" + path + "' failed", errno);
  }
  try {
    struct stat on_disk {};
    if (::fstat(descriptor_, &on_disk) != 0 ||
        static_cast<std::uint64_t>(on_disk.st_size) != expected.file_bytes) {
      damaged(path, "it has " + std::to_string(on_disk.st_size) + " bytes, and should have " +
                        std::to_string(expected.file_bytes));
    }
    hdf5_ = open_hdf5(path);
    const CheckpointFacts found = read_facts(hdf5_, path);
    if (found.id != facts.id) {
      damaged(path, "it belongs to another checkpoint");
    }
    read_rows(table_path, rows_);
    read_rows(handles_path, handles_);
    if (rows_.size() != expected.objects) {
      damaged(path, "its table has " + std::to_string(rows_.size()) + " objects, and should have " +
                        std::to_string(expected.objects));
    }
    read_texts();
    find_packed();
  } catch (...) {
    ::close(descriptor_);
    hdf5_ = {};  // while the lock is held
    throw;
  }
}

PartReader::PartReader(PartReader&& other) noexcept
    : path_(std::move(other.path_)),
      hdf5_(std::move(other.hdf5_)),
      packed_at_(other.packed_at_),
      packed_bytes_(other.packed_bytes_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      rows_(std::move(other.rows_)),
      handles_(std::move(other.handles_)),
      texts_(std::move(other.texts_)) {}

PartReader::~PartReader() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
    const MutexLock lock(hdf5_mutex());
    hdf5_ = {};
  }
}

Identifier PartReader::open_dataset(const std::string& path) const {
  return {H5Dopen2(hdf5_.get(), path.c_str(), H5P_DEFAULT), H5Dclose,
          "opening the dataset '" + path + "' in '" + path_ + "'"};
}

void PartReader::find_packed() {
  const Identifier packed = open_dataset(packed_path);
  const Identifier space(H5Dget_space(packed.get()), H5Sclose, "reading '" + path_ + "'");
  packed_bytes_ =
      static_cast<std::uint64_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space.get()), 0));
  packed_at_ = packed_bytes_ > 0 ? H5Dget_offset(packed.get()) : 0;
  if (packed_at_ == HADDR_UNDEF) {
    damaged(path_, "the dataset of packed objects has no bytes");
  }
}

template <class Row>
void PartReader::read_rows(const char* path, std::vector<Row>& rows) const {
  locum::storage::read_rows(hdf5_, path_, path, rows);
}

void PartReader::read_texts() {
  const Identifier dataset = open_dataset(texts_path);
  const Identifier space(H5Dget_space(dataset.get()), H5Sclose, "reading '" + path_ + "'");
  const hssize_t bytes = H5Sget_simple_extent_npoints(space.get());
  if (bytes < 0 || H5Dget_storage_size(dataset.get()) != static_cast<hsize_t>(bytes)) {
    damaged(path_, "the dataset of texts has no bytes");
  }
  texts_.resize(static_cast<std::size_t>(bytes));
  if (bytes > 0) {
    check(H5Dread(dataset.get(), H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts_.data()),
          "reading the texts of '" + path_ + "'");
  }
}

std::string_view PartReader::text(const TextPlace& place) const noexcept {
  return place.at <= texts_.size() && place.bytes <= texts_.size() - place.at
             ? std::string_view(texts_).substr(place.at, place.bytes)
             : std::string_view();
}

bool PartReader::is_whole(const ObjectRow& row) const noexcept {
  const bool has_texts = text(row.name).size() == row.name.bytes && text(row.type).size() == row.type.bytes &&
                         text(row.path).size() == row.path.bytes;
  return has_texts &&
         row.row_checksum == checksum_of(row, {text(row.name), text(row.type), text(row.path)}) &&
         row.name.bytes <= max_name_bytes && row.type.bytes <= longest_type &&
         row.layout <= static_cast<std::uint32_t>(Layout::encoded) && row.rank <= max_rank &&
         row.element_bytes > 0 && has_valid_extents(row) &&
         (row.path.bytes > 0 || (row.size_bytes < packed_below && row.place <= packed_bytes_ &&
                                 row.size_bytes <= packed_bytes_ - row.place));
}

void PartReader::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ::ssize_t count = ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<::off_t>(offset));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      throw system_error("reading the file '" + path_ + "' failed", errno);
    }
    if (count == 0) {
      damaged(path_, "it ends too early");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

std::optional<std::uint64_t> PartReader::find(const ObjectRow& row) const {
  if (row.path.bytes == 0) {
    return packed_at_ + row.place;
  }
  const MutexLock lock(hdf5_mutex());
  const QuietErrors quiet;
  const std::string what = "reading an object from '" + path_ + "'";
  const std::string name(path(row));
  const Identifier dataset = open_dataset(name);
  const Identifier type(H5Dget_type(dataset.get()), H5Tclose, what);
  const Identifier space(H5Dget_space(dataset.get()), H5Sclose, what);
  const auto elements =
      static_cast<std::uint64_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space.get()), 0));
  const std::uint64_t element_bytes = H5Tget_size(type.get());
  if (element_bytes == 0 || elements != row.size_bytes / element_bytes ||
      row.size_bytes % element_bytes != 0) {
    damaged(path_, "the dataset '" + name + "' is of another size than the table says");
  }
  const Identifier creation(H5Dget_create_plist(dataset.get()), H5Pclose, what);
  if (H5Pget_layout(creation.get()) == H5D_CHUNKED) {
    return std::nullopt;
  }
  const haddr_t offset = H5Dget_offset(dataset.get());
  if (row.size_bytes > 0 && offset == HADDR_UNDEF) {
    damaged(path_, "the dataset '" + name + "' has no bytes");
  }
  return offset;
}

void PartReader::read_compressed(const ObjectRow& row, std::span<std::byte> bytes) const {
  const MutexLock lock(hdf5_mutex());
  const QuietErrors quiet;
  if (!read_bytes(open_dataset(std::string(path(row))), bytes)) {
    damaged(path_, "HDF5 cannot read what it has compressed in it");
  }
}

void PartReader::require_checksum(const ObjectRow& row, std::uint32_t found) const {
  if (found != row.checksum) {
    throw Error(Errc::corrupt, "its bytes in '" + path_ +
                                   "' are not those that were written: their checksum is " +
                                   std::to_string(found) + ", and should be " + std::to_string(row.checksum));
  }
}

void PartReader::read(const ObjectRow& row, std::span<std::byte> bytes) {
  if (const auto offset = find(row)) {
    read_at(*offset, bytes);
  } else {
    read_compressed(row, bytes);
  }
  require_checksum(row, checksum(bytes));
}

void PartReader::verify(const ObjectRow& row) {
  const auto offset = find(row);
  std::vector<std::byte> bytes(offset ? std::min(row.size_bytes, verified_bytes) : row.size_bytes);
  std::uint32_t found = 0;
  if (!offset) {
    read_compressed(row, bytes);
    found = checksum(bytes);
  }
  for (std::uint64_t at = 0; offset && at < row.size_bytes; at += bytes.size()) {
    bytes.resize(std::min<std::uint64_t>(bytes.size(), row.size_bytes - at));
    read_at(*offset + at, bytes);
    found = checksum(bytes, found);
  }
  require_checksum(row, found);
}

}  // namespace locum::storage
