// locum-checkpoint: looks at checkpoints, and makes incremental ones whole, without restoring them, and
// without MPI.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include "core/value/error.hpp"
#include "core/value/key.hpp"
#include "transport/storage/hdf5/compact_checkpoint.hpp"
#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/master_file.hpp"
#include "transport/storage/hdf5/part_reader.hpp"

namespace {

using namespace locum;

constexpr const char* usage =
    "usage: locum-checkpoint verify PATH    reads all objects of a checkpoint, and says which are damaged\n"
    "       locum-checkpoint list PATH      bytes, type, extents and name of each object\n"
    "       locum-checkpoint compact PATH   writes an incremental checkpoint again, so that it shares no "
    "file\n"
    "                                       with another one\n\n"
    "PATH is the file that was given to the checkpoint. Status: 0 all is whole, 1 something is damaged\n"
    "or missing, 2 something could not be looked at or written: no such file, no permission, a newer "
    "format,\n"
    "a full disk, or what HDF5 cannot read.\n";

constexpr int whole = 0;
constexpr int damaged = 1;
constexpr int not_seen = 2;

// What comes from files is not believed: a terminal would obey control characters.
std::string printable(std::string_view text) {
  std::string shown;
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    if (byte >= 0x20 && byte != 0x7F) {
      shown.push_back(each);
    } else {
      std::array<char, 4> code{};
      std::snprintf(code.data(), code.size(), "%%%02x", byte);
      shown.append(code.data());
    }
  }
  return shown;
}

/// An object as it is shown: of a row that is whole.
std::string name_of(const storage::PartReader& part, const storage::ObjectRow& row,
                    const storage::MasterFile& master) {
  const Key key{static_cast<std::uint32_t>(master.origins.front().store), row.creator, row.serial};
  return row.name.bytes > 0 ? printable(part.name(row)) : "(no name, " + to_string(key) + ")";
}

void show(const storage::PartReader& part, const storage::ObjectRow& row, const std::string& name) {
  std::string extents;
  for (std::uint32_t at = 0; at < row.rank; ++at) {
    extents += (at > 0 ? "x" : "") + std::to_string(row.extents[at]);
  }
  std::printf("%14llu  %-12s  %-12s  %s\n", static_cast<unsigned long long>(row.size_bytes),
              printable(part.type(row)).c_str(), extents.empty() ? "-" : extents.c_str(), name.c_str());
}

/// Goes through a checkpoint, and counts.
class Look {
 public:
  Look(const std::string& path, bool reads) : master_(storage::read_master(path)), reads_(reads) {
    for (std::size_t at = 0; at < master_.parts.size(); ++at) {
      try {
        look_at(storage::open_part(master_, at));
      } catch (const Error& error) {
        found(error, {}, master_.parts[at].objects, may_be_whole(error));
      }
    }
    std::printf("%s: %llu objects, %llu bytes, %zu files%s", path.c_str(),
                static_cast<unsigned long long>(objects_), static_cast<unsigned long long>(bytes_),
                master_.parts.size(), status_ == whole && reads_ ? ": all is whole\n" : "\n");
    if (damaged_ > 0) {
      std::printf("%llu objects are damaged or missing; a restore with skip_damaged leaves them out\n",
                  static_cast<unsigned long long>(damaged_));
    }
  }

  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  void look_at(storage::PartReader part) {
    try {
      part.require_handles();
    } catch (const Error& error) {
      found(error, {}, 0, false);
    }
    for (const storage::ObjectRow& row : part.rows()) {
      if (!part.is_whole(row)) {
        found(storage::file_damaged(part.file(), "a row of its table is not valid"), {}, 1, false);
        continue;
      }
      const std::string name = name_of(part, row, master_);
      ++objects_;
      bytes_ += row.size_bytes;
      if (!reads_) {
        show(part, row, name);
        continue;
      }
      try {
        part.verify(row);
      } catch (const Error& error) {
        const bool is_readable = ::access(part.file(row).c_str(), R_OK) == 0 || errno == ENOENT;
        const bool is_damaged =
            is_readable && error.code() != Errc::unsupported;  // a filter that is not here
        found(error, name, is_damaged ? 1 : 0, !is_damaged);
      } catch (const std::bad_alloc&) {
        found(Error(Errc::out_of_memory, "this process has no free memory for the object"), name, 0, true);
      }
    }
  }
  // No permission, for example.
  [[nodiscard]] static bool may_be_whole(const Error& error) {
    return error.code() != Errc::corrupt && error.code() != Errc::not_found;
  }
  void found(const Error& error, const std::string& name, std::uint64_t objects, bool not_read) {
    status_ = std::max(status_, not_read ? not_seen : damaged);
    damaged_ += objects;
    std::printf("%s: %s%s%s\n", not_read ? "not read" : "damaged", name.c_str(), name.empty() ? "" : ": ",
                error.what());
  }

  const storage::MasterFile master_;
  const bool reads_;
  int status_ = whole;
  std::uint64_t objects_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t damaged_ = 0;
};

int compact(const std::string& path) {
  const storage::Compacted done = storage::compact_checkpoint(path);
  if (done.shared == 0) {
    std::printf("%s: it shares no file with another checkpoint: nothing was written\n", path.c_str());
    return whole;
  }
  std::printf("%s: %llu objects, %llu bytes were written again, from %llu shared files and its own\n",
              path.c_str(), static_cast<unsigned long long>(done.objects),
              static_cast<unsigned long long>(done.bytes), static_cast<unsigned long long>(done.shared));
  if (!done.old_folder.empty()) {
    std::printf("remove '%s' if no other checkpoint uses that folder\n", done.old_folder.c_str());
  }
  return whole;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  const bool verifies = command == "verify";
  const bool compacts = command == "compact";
  if (argc != 3 || (!verifies && !compacts && command != "list")) {
    const bool asks_for_help = command == "-h" || command == "--help";
    std::fputs(usage, asks_for_help ? stdout : stderr);
    return asks_for_help ? whole : not_seen;
  }
  H5dont_atexit();  // which is not silent about damaged files; what is written is closed
  try {
    return compacts ? compact(argv[2]) : Look(argv[2], verifies).status();
  } catch (const Error& error) {
    std::fprintf(stderr, "locum-checkpoint: %s\n", error.what());
    const bool lacks_a_file = compacts && error.code() == Errc::not_found && ::access(argv[2], F_OK) == 0;
    return error.code() == Errc::corrupt || lacks_a_file ? damaged : not_seen;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "locum-checkpoint: %s\n", error.what());
    return not_seen;
  }
}
