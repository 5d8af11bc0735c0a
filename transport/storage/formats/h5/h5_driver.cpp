#include "transport/storage/formats/h5/h5_driver.hpp"

#include <new>
#include <utility>

#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/file_access.hpp"

#if __has_include(<H5FDdevelop.h>)
#include <H5FDdevelop.h>  // from HDF5 1.14 on
#endif

namespace locum::storage {

/// The way from HDF5's file to the medium.
struct H5File::Link : std::enable_shared_from_this<Link> {
  explicit Link(H5Medium& to) : medium(&to) {}

  H5Medium* medium;  ///< null: the medium is gone
  bool is_open = false;
};

namespace {

constexpr haddr_t h5_most_bytes = haddr_t{1} << 62U;

/// What the properties of an opening carry to the driver. Copied byte by byte.
struct H5DriverInfo {
  H5File::Link* link = nullptr;
};

struct H5DriverFile : H5FD_t {
  std::shared_ptr<H5File::Link> link;
  haddr_t allocated = 0;

  static H5DriverFile& of(H5FD_t* file) noexcept { return *static_cast<H5DriverFile*>(file); }
  static const H5DriverFile& of(const H5FD_t* file) noexcept {
    return *static_cast<const H5DriverFile*>(file);
  }
};

// HDF5 opens the file that a link leads to with the properties of the file with the link: while that one is
// open, nothing else is opened.
H5FD_t* h5_open(const char* /*name*/, unsigned /*flags*/, hid_t access, haddr_t /*most*/) noexcept {
  const auto* const info = static_cast<const H5DriverInfo*>(H5Pget_driver_info(access));
  if (info == nullptr || info->link == nullptr || info->link->is_open) {
    return nullptr;
  }
  auto* const file = new (std::nothrow) H5DriverFile();
  if (file != nullptr) {
    file->link = info->link->shared_from_this();
    file->link->is_open = true;
  }
  return file;
}

herr_t h5_close(H5FD_t* file) noexcept {
  H5DriverFile* const own = &H5DriverFile::of(file);
  own->link->is_open = false;
  delete own;
  return 0;
}

int h5_compare(const H5FD_t* a, const H5FD_t* b) noexcept {
  const auto* const first = H5DriverFile::of(a).link.get();
  const auto* const second = H5DriverFile::of(b).link.get();
  return std::less<>()(first, second) ? -1 : first == second ? 0 : 1;
}

haddr_t h5_allocated(const H5FD_t* file, H5FD_mem_t /*kind*/) noexcept {
  return H5DriverFile::of(file).allocated;
}

herr_t h5_allocate(H5FD_t* file, H5FD_mem_t /*kind*/, haddr_t bytes) noexcept {
  H5DriverFile::of(file).allocated = bytes;
  return 0;
}

haddr_t h5_size(const H5FD_t* file, H5FD_mem_t /*kind*/) noexcept {
  const H5Medium* const medium = H5DriverFile::of(file).link->medium;
  return medium == nullptr ? 0 : medium->size_bytes();
}

herr_t h5_read(H5FD_t* file, H5FD_mem_t kind, hid_t /*how*/, haddr_t offset, size_t bytes,
               void* into) noexcept {
  H5Medium* const medium = H5DriverFile::of(file).link->medium;
  return medium != nullptr && medium->read(kind, offset, {static_cast<std::byte*>(into), bytes}) ? 0 : -1;
}

// Where the medium is gone, nobody needs what HDF5 would still write: it only has to find its end.
herr_t h5_write(H5FD_t* file, H5FD_mem_t kind, hid_t /*how*/, haddr_t offset, size_t bytes,
                const void* from) noexcept {
  H5Medium* const medium = H5DriverFile::of(file).link->medium;
  return medium == nullptr || medium->write(kind, offset, {static_cast<const std::byte*>(from), bytes}) ? 0
                                                                                                        : -1;
}

herr_t h5_truncate(H5FD_t* file, hid_t /*how*/, hbool_t /*closing*/) noexcept {
  H5DriverFile& own = H5DriverFile::of(file);
  return own.link->medium == nullptr || own.link->medium->extend(own.allocated) ? 0 : -1;
}

Identifier h5_driver() {
  H5FD_class_t driver{};
#ifdef H5FD_CLASS_VERSION
  driver.version = H5FD_CLASS_VERSION;
  driver.value = 7137;  // any of 256 to 65535, for drivers that are no part of HDF5
#endif
  driver.name = "locum";
  driver.maxaddr = h5_most_bytes;
  driver.fc_degree = H5F_CLOSE_STRONG;
  driver.fapl_size = sizeof(H5DriverInfo);
  driver.open = h5_open;
  driver.close = h5_close;
  driver.cmp = h5_compare;
  driver.get_eoa = h5_allocated;
  driver.set_eoa = h5_allocate;
  driver.get_eof = h5_size;
  driver.read = h5_read;
  driver.write = h5_write;
  driver.truncate = h5_truncate;
  return {H5FDregister(&driver), H5FDunregister, "registering a driver of HDF5"};
}

}  // namespace

H5File::H5File(H5Medium& medium, Mode mode) : link_(std::make_shared<Link>(medium)) {
  const Hdf5Turn turn;
  const bool is_new = mode == Mode::create;
  const std::string what = is_new ? "beginning an HDF5 file" : "opening the HDF5 file";
  Identifier driver = h5_driver();
  const Identifier access =
      is_new ? new_access(what) : Identifier(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, what);
  const H5DriverInfo info{link_.get()};
  check(H5Pset_driver(access.get(), driver.get(), &info), what);
  check(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG), what);
  if (is_new) {
    // So that a mapped file shows the elements of arrays in place.
    constexpr hsize_t least_aligned = 512;
    constexpr hsize_t alignment = 64;
    check(H5Pset_alignment(access.get(), least_aligned, alignment), what);
    const Identifier creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose, what);
    check(H5Pset_link_creation_order(creation.get(), H5P_CRT_ORDER_TRACKED), what);
    check(H5Pset_obj_track_times(creation.get(), false), what);
    file_ = {H5Fcreate("the file", H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose, what};
  } else {
    file_ = {H5Fopen("the file", H5F_ACC_RDONLY, access.get()), H5Fclose, what};
  }
  driver_ = std::move(driver);  // last: if opening throws, it is closed within the turn
}

H5File::~H5File() {
  {
    const Hdf5Turn turn;
    file_ = Identifier();
    driver_ = Identifier();
  }
  link_->medium = nullptr;
}

void H5File::close() {
  const Hdf5Turn turn;
  file_.close("writing the end of an HDF5 file");
}

}  // namespace locum::storage
