#include "transport/storage/hdf5/identifier.hpp"

#include "core/value/error.hpp"

namespace locum::storage {

namespace {

// The innermost of HDF5's messages, which says most: "unable to open file: name = 'x', errno = 2".
herr_t first_text(unsigned number, const H5E_error2_t* error, void* text) {
  if (number == 0 && error->desc != nullptr) {
    *static_cast<std::string*>(text) = error->desc;
  }
  return 0;
}

std::string text_of_last_error() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_text, &text);
  return text.empty() ? "HDF5 gives no reason" : "HDF5: " + text;
}

}  // namespace

void check(long long status, const std::string& what) {
  if (status < 0) {
    throw Error(Errc::system, what + " failed", text_of_last_error());
  }
}

std::uint64_t bytes_of_file(const Identifier& file) {
  hsize_t bytes = 0;
  check(H5Fget_filesize(file.get(), &bytes), "reading the size of a file");
  return bytes;
}

Identifier::Identifier(hid_t id, Close how, const std::string& what) : id_(id), close_(how) {
  check(id, what);
}

void Identifier::close(const std::string& what) {
  if (id_ >= 0) {
    check(close_(std::exchange(id_, H5I_INVALID_HID)), what);
  }
}

QuietErrors::QuietErrors() {
  H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

QuietErrors::~QuietErrors() {
  H5Eset_auto2(H5E_DEFAULT, print_, data_);
}

}  // namespace locum::storage
