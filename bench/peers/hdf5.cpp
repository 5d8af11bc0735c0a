// HDF5 on a tmpfs, the serial library. A file has one writer, which readers may not open before it is closed
// (single writer, multiple readers does not add datasets). So a rank writes a file of its own in each round,
// with a dataset for each value, and readers open it once it is closed.

#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bench/peers/makers.hpp"
#include "bench/peers/round.hpp"

namespace peers {

namespace {

template <class Status>
Status check(Status status, const std::string& what) {
  if (status < 0) {
    throw std::runtime_error("HDF5: " + what);
  }
  return status;
}

/// An identifier of the library's, and the function that closes it.
class Id {
 public:
  Id(hid_t id, herr_t (*end)(hid_t), const std::string& what) : id_(check(id, what)), close_(end) {}
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  ~Id() {
    if (id_ >= 0) {
      close_(id_);
    }
  }
  [[nodiscard]] hid_t get() const { return id_; }
  /// For what fails only when it is closed.
  void close(const std::string& what) { check(close_(std::exchange(id_, -1)), what); }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

/// Small values lie in the header of their dataset.
constexpr std::size_t compact_bytes = 4096;

class Hdf5Peer final : public Peer {
 public:
  explicit Hdf5Peer(const Place& place)
      : folder_(place.folder + "/hdf5."),
        access_(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "file access"),
        compact_(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "dataset creation"),
        contiguous_(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "dataset creation") {
    MPI_Comm_rank(place.ranks, &rank_);
    constexpr hsize_t block_of_metadata = hsize_t{1} << 20U;
    // The newest format has the shortest headers, and an index of names that grows well.
    check(H5Pset_libver_bounds(access_.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST), "file format");
    check(H5Pset_meta_block_size(access_.get(), block_of_metadata), "block of metadata");
    check(H5Pset_layout(compact_.get(), H5D_COMPACT), "compact layout");
    check(H5Pset_fill_time(contiguous_.get(), H5D_FILL_TIME_NEVER), "no filling");
  }

  void put(std::span<const Item> items) override {
    const std::string path = path_of(rank_);
    Id file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access_.get()), H5Fclose, path);
    for (const Item& item : items) {
      const hsize_t bytes = item.bytes.size();
      const Id space(H5Screate_simple(1, &bytes, nullptr), H5Sclose, item.name);
      const Id& layout = bytes <= compact_bytes ? compact_ : contiguous_;
      const Id dataset(H5Dcreate2(file.get(), link_of(item.name).c_str(), H5T_NATIVE_UCHAR, space.get(),
                                  H5P_DEFAULT, layout.get(), H5P_DEFAULT),
                       H5Dclose, item.name);
      check(H5Dwrite(dataset.get(), H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, item.bytes.data()),
            item.name);
    }
    file.close(path);
  }
  void get(std::span<const std::string> names, const Reader& reader) override {
    const std::string path = path_of(owner_of(names.front()));
    const Id file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access_.get()), H5Fclose, path);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Id dataset(H5Dopen2(file.get(), link_of(names[i]).c_str(), H5P_DEFAULT), H5Dclose, names[i]);
      const Id space(H5Dget_space(dataset.get()), H5Sclose, names[i]);
      buffer_.resize(static_cast<std::size_t>(check(H5Sget_simple_extent_npoints(space.get()), names[i])));
      check(H5Dread(dataset.get(), H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer_.data()),
            names[i]);
      reader(i, buffer_);
    }
  }
  void remove(std::span<const Item> /*items*/) override {
    const std::string path = path_of(rank_);
    if (::unlink(path.c_str()) != 0) {
      throw std::runtime_error("HDF5: cannot remove " + path);
    }
  }

 private:
  [[nodiscard]] std::string path_of(int rank) const { return folder_ + std::to_string(rank); }
  /// All in one group: each slash in a name would be one more group to search.
  [[nodiscard]] static std::string link_of(std::string name) {
    std::replace(name.begin(), name.end(), '/', '.');
    return name;
  }

  std::string folder_;
  int rank_ = 0;
  Id access_;
  Id compact_;
  Id contiguous_;
  std::vector<std::byte> buffer_;
};

}  // namespace

std::unique_ptr<Peer> make_hdf5(const Place& place) {
  return std::make_unique<Hdf5Peer>(place);
}

}  // namespace peers
