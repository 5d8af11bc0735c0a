#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/checksum.hpp"
#include "core/object/object.hpp"
#include "core/object/strided_runs.hpp"
#include "core/value/errors.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/hdf5/chunking.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/dataset_part.hpp"
#include "transport/storage/hdf5/errors.hpp"

namespace locum::storage {

namespace {

// Of the file, at a time: after each piece it is asked whether to go on.
constexpr std::uint64_t piece_bytes = std::uint64_t{4} << 20U;
// Who waits for a mutex gets it only if it is free for so long: less than a hundredth of a piece's time.
constexpr std::chrono::microseconds for_another_thread{100};
// Less between two runs is read with them.
constexpr std::uint64_t small_gap = 64 * 1024;

/// A file that is open to be read.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : path_(path), file_(open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK)) {
    if (!file_.is_open()) {
      throw errno == ENOENT
          ? Error(Errc::not_found,
                  "the file '" + path +
                      "' does not exist, or this rank cannot see it; let all ranks read it under that path")
          : file_error("opening", path, errno);
    }
  }

  /// Throws unless the file is the one that the part was found in.
  void require_unchanged(const FilePart& part) const {
    struct stat now {};
    if (::fstat(file_.number(), &now) != 0) {
      throw file_error("reading the size of", path_, errno);
    }
    if (static_cast<std::uint64_t>(now.st_size) != part.file_bytes || changed_ns(now) != part.changed_ns) {
      throw file_changed(path_);
    }
  }
  void read_at(std::uint64_t offset, std::span<std::byte> into) const {
    read_exactly(file_, offset, into, path_);
  }

 private:
  const std::string path_;
  const Descriptor file_;
};

void go_on(const FileReader::Stopped& stopped) {
  if (const auto error = stopped ? stopped() : std::nullopt) {
    throw *error;
  }
}

// A length that the compiler knows takes one instruction.
template <std::size_t bytes>
void turn_each(std::span<std::byte> elements) {
  for (std::size_t at = 0; at + bytes <= elements.size(); at += bytes) {
    std::reverse(elements.data() + at, elements.data() + at + bytes);
  }
}

void turn_bytes(std::span<std::byte> elements, std::size_t element_bytes) {
  switch (element_bytes) {
    case 2:
      return turn_each<2>(elements);
    case 4:
      return turn_each<4>(elements);
    default:
      return turn_each<8>(elements);
  }
}

template <class To>
To copied(const std::vector<std::uint64_t>& values) {
  To to;
  to.rank = static_cast<std::uint8_t>(values.size());
  std::copy_n(values.begin(), values.size(), to.values.begin());
  return to;
}

/// The elements lie in the file one after the other.
class PlainRead {
 public:
  PlainRead(const FilePart& part, std::span<std::byte> into, const FileReader::Stopped& stopped)
      : part_(part), into_(into), stopped_(stopped), file_(part.bytes_in) {}

  void operator()() {
    if (part_.of_checkpoint == 0) {
      file_.require_unchanged(part_);
    }
    ObjectFacts facts;
    facts.layout = Layout::array;
    facts.element_bytes = part_.element_bytes;
    facts.extents = copied<Extents>(part_.extents);
    facts.size_bytes = part_.element_bytes;
    for (const std::uint64_t extent : part_.extents) {
      facts.size_bytes *= extent;
    }
    const Hyperslab slab{.start = copied<Extents>(part_.start),
                         .count = copied<Extents>(part_.count),
                         .stride = copied<Extents>(part_.stride)};
    const auto runs = StridedRuns::of(slab, part_.element_bytes, facts);
    if (!runs) {
      throw runs.error();
    }
    for (std::uint64_t position = 0; position < into_.size();) {
      go_on(stopped_);
      const std::uint64_t end = piece(*runs, position);
      if (part_.other_byte_order != 0) {
        turn_bytes(into_.subspan(position, end - position), part_.element_bytes);
      }
      position = end;
    }
  }

 private:
  // Reads some bytes of the box, from `position` on; returns the position behind them.
  std::uint64_t piece(const StridedRuns& runs, std::uint64_t position) {
    const ByteRange first = runs.run_at(position);
    if (first.bytes >= piece_bytes || position + first.bytes >= into_.size()) {
      const std::uint64_t bytes = std::min({first.bytes, piece_bytes, into_.size() - position});
      file_.read_at(part_.offset + first.offset, into_.subspan(position, bytes));
      return position + bytes;
    }
    // Short runs near each other are read at once, with what is between them.
    taken_.clear();
    std::uint64_t end = first.offset;
    for (std::uint64_t next = position; next < into_.size();) {
      const ByteRange run = runs.run_at(next);
      if (run.offset < end || (next > position && run.offset - end > small_gap) ||
          run.offset + run.bytes - first.offset > piece_bytes) {
        break;
      }
      taken_.push_back(run);
      end = run.offset + run.bytes;
      next += run.bytes;
    }
    if (!staged_) {
      staged_ = std::make_unique_for_overwrite<std::byte[]>(piece_bytes);
    }
    file_.read_at(part_.offset + first.offset, {staged_.get(), end - first.offset});
    for (const ByteRange& run : taken_) {
      std::memcpy(into_.data() + position, staged_.get() + (run.offset - first.offset), run.bytes);
      position += run.bytes;
    }
    return position;
  }

  const FilePart& part_;
  const std::span<std::byte> into_;
  const FileReader::Stopped& stopped_;
  const OpenFile file_;
  std::vector<ByteRange> taken_;
  std::unique_ptr<std::byte[]> staged_;
};

/// All others, by HDF5: a number of rows at a time, whole chunks where there are any. Between two pieces
/// other threads may call HDF5.
class Hdf5Read {
 public:
  Hdf5Read(const FilePart& part, std::span<std::byte> into)
      : part_(part), into_(into), what_("reading the dataset '" + part.dataset + "' of '" + part.path + "'") {
    OpenFile(part.bytes_in).require_unchanged(part);
    const Hdf5Turn turn;
    Dataset opened = open_dataset(part.path, part.dataset);
    const std::string element = part.type.substr(0, part.type.find('['));
    const std::vector<std::uint64_t> extents =
        opened.extents.empty() ? std::vector<std::uint64_t>{1} : opened.extents;
    if (describe(opened.type) != element || extents != part.extents) {
      throw file_changed(part.path);
    }
    Identifier memory_type = number_in_memory(element);
    // HDF5 is not told how much memory there is for the elements.
    if (H5Tget_size(memory_type.get()) != part.element_bytes) {
      throw memory_damaged("the record of this part of '" + part.path + "' is damaged");
    }
    const Identifier creation(H5Dget_create_plist(opened.dataset.get()), H5Pclose, what_);
    if (H5Pget_layout(creation.get()) == H5D_CHUNKED) {
      std::array<hsize_t, H5S_MAX_RANK> chunk{};
      check(H5Pget_chunk(creation.get(), static_cast<int>(part.extents.size()), chunk.data()), what_);
      chunk_rows_ = std::max<std::uint64_t>(chunk[0], 1);
    }
    // At the end: what fails before is closed while the lock is held.
    memory_type_ = std::move(memory_type);
    opened_ = std::move(opened);
  }
  Hdf5Read(const Hdf5Read&) = delete;
  Hdf5Read& operator=(const Hdf5Read&) = delete;
  ~Hdf5Read() {
    const MutexLock lock(hdf5_mutex());
    opened_ = {};
    memory_type_ = {};
  }

  void operator()(const FileReader::Stopped& stopped) {
    for (std::uint64_t row = 0; row < part_.count[0] && !into_.empty();) {
      go_on(stopped);
      if (row > 0) {
        std::this_thread::sleep_for(for_another_thread);
      }
      row += piece(row);
    }
  }

 private:
  // Reads rows from that one on; returns how many.
  std::uint64_t piece(std::uint64_t row) {
    const Hdf5Turn turn;
    if (opened_.extents.empty()) {  // one element
      check(H5Dread(opened_.dataset.get(), memory_type_.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, into_.data()),
            what_);
      return 1;
    }
    const std::uint64_t row_bytes = into_.size() / part_.count[0];
    const std::uint64_t stride = part_.stride[0];
    std::vector<hsize_t> start(part_.start.begin(), part_.start.end());
    std::vector<hsize_t> count(part_.count.begin(), part_.count.end());
    const std::vector<hsize_t> strides(part_.stride.begin(), part_.stride.end());
    start[0] = part_.start[0] + row * stride;
    // Up to the end of the last chunk that fits, so that none is decompressed twice.
    std::uint64_t rows = std::max<std::uint64_t>(piece_bytes / std::max<std::uint64_t>(row_bytes, 1), 1);
    const std::uint64_t last = (start[0] + (rows - 1) * std::min(stride, part_.extents[0])) / chunk_rows_;
    const std::uint64_t to_the_end = ((last + 1) * chunk_rows_ - start[0] + stride - 1) / stride;
    rows = std::max(rows, to_the_end);
    rows = std::min(rows, part_.count[0] - row);
    count[0] = rows;
    const Identifier space(H5Dget_space(opened_.dataset.get()), H5Sclose, what_);
    check(
        H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), strides.data(), count.data(), nullptr),
        what_);
    const Identifier memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), H5Sclose,
                            what_);
    check(H5Dread(opened_.dataset.get(), memory_type_.get(), memory.get(), space.get(), H5P_DEFAULT,
                  into_.data() + row * row_bytes),
          what_);
    return rows;
  }

  const FilePart& part_;
  const std::span<std::byte> into_;
  const std::string what_;
  Dataset opened_;
  Identifier memory_type_;
  std::uint64_t chunk_rows_ = 1;  ///< of the dataset
};

// An object of a checkpoint that HDF5 has compressed, or whose bytes it could not find: at once.
void read_object(const FilePart& part, std::span<std::byte> into) {
  const OpenFile is_there(part.bytes_in);
  const Hdf5Turn turn;
  const auto damaged_by = [&](const std::string& detail) {
    return file_damaged(part.path, "HDF5 cannot read its dataset '" + part.dataset + "'", detail);
  };
  try {
    const Dataset opened = open_dataset(part.path, part.dataset);
    require_filter_of(opened.dataset);
    if (!read_bytes(opened.dataset, into)) {
      throw damaged_by({});
    }
  } catch (const Error& error) {
    const bool says_it = error.code() == Errc::corrupt || error.code() == Errc::unsupported;
    throw says_it ? error : damaged_by(error.text());
  }
}

void require_checksum(const FilePart& part, std::span<const std::byte> bytes) {
  if (const std::uint32_t found = checksum(bytes); found != part.checksum) {
    throw other_checksum(part.path, found, part.checksum);
  }
}

}  // namespace

Result<void> DatasetReader::read(const FilePart& part, std::span<std::byte> into, const Stopped& stopped) {
  try {
    if (into.empty()) {
      return {};
    }
    if (part.is_plain != 0) {
      PlainRead(part, into, stopped)();
    } else if (part.of_checkpoint != 0) {
      read_object(part, into);
    } else {
      Hdf5Read(part, into)(stopped);
    }
    if (part.of_checkpoint != 0) {
      require_checksum(part, into);
    }
    return {};
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return no_memory_left();
  }
}

bool DatasetReader::may_read_in_background(const FilePart& part) const {
#ifdef H5_HAVE_THREADSAFE
  constexpr bool is_for_several_threads = true;
#else
  constexpr bool is_for_several_threads = false;
#endif
  return is_for_several_threads || part.is_plain != 0;
}

}  // namespace locum::storage
