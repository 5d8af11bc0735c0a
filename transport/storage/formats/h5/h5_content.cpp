#include "transport/storage/formats/h5/h5_content.hpp"

#include <algorithm>
#include <complex>
#include <limits>
#include <string_view>
#include <utility>

#include "transport/storage/formats/h5/h5_type.hpp"
#include "transport/storage/formats/npy/npy_list.hpp"
#include "transport/storage/formats/npy/npy_part.hpp"
#include "transport/storage/formats/text/utf8.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"
#include "transport/storage/hdf5/dataset.hpp"

namespace locum::storage {

namespace {

template <class T>
Array h5_array_of(const Result<T>& value) {
  const T& one = value.value();
  return Array::copy_of(ConstRawArray(&one, ElementType::of<T>(), Extents())).value();
}

Array h5_array_of_integer(const Record& value) {
  const auto number = value.as<std::int64_t>();
  return number ? h5_array_of(number) : h5_array_of(value.as<std::uint64_t>());
}

}  // namespace

H5Content H5Content::of(const Record& value) {
  H5Content content;
  switch (value.kind()) {
    case Record::Kind::boolean:
      content.take(h5_array_of(value.as<bool>()));
      return content;
    case Record::Kind::integer:
      content.take(h5_array_of_integer(value));
      return content;
    case Record::Kind::real:
      content.take(h5_array_of(value.as<double>()));
      return content;
    case Record::Kind::complex:
      content.take(h5_array_of(value.as<std::complex<double>>()));
      return content;
    case Record::Kind::text:
      content.take_text(value);
      return content;
    case Record::Kind::bytes:
      content.bytes_ = value.bytes();
      content.element_bytes_ = std::max<std::uint64_t>(content.bytes_.size(), 1);
      content.is_null_ = content.bytes_.empty();
      if (content.bytes_.size() > std::numeric_limits<std::uint32_t>::max()) {
        throw Error(Errc::type_mismatch,
                    "raw bytes of 4 GiB and more are no value of HDF5; save them as an "
                    "array of u8");
      }
      return content;
    case Record::Kind::array:
      content.take(value.array());
      return content;
    case Record::Kind::list: {
      auto list = npy_list_of(value).value();
      if (list.array) {
        content.take(list.array);
        return content;
      }
      for (const Record* const text : list.texts) {
        content.take_text(*text);
      }
      content.extents_ = std::move(list.extents);
      return content;
    }
    case Record::Kind::null:
    case Record::Kind::members:
    case Record::Kind::stand_in:
      break;
  }
  throw Error(Errc::type_mismatch, "HDF5 holds arrays, numbers, texts and bytes under names, and not " +
                                       npy_kind_name(value.kind()) + "; leave it out, or save it as .json");
}

void H5Content::take(const Array& array) {
  array_ = array.packed().value();
  element_ = array_.element().name();
  element_bytes_ = array_.element().bytes();
  if (element_ != "bool" && !is_number(element_) && !element_.ends_with('}')) {
    throw Error(Errc::type_mismatch, "HDF5 has no elements of the type '" + element_ +
                                         "'; save bytes and characters as an array of u8, or as a text");
  }
  if (element_.size() >= H5T_OPAQUE_TAG_MAX) {
    throw Error(Errc::type_mismatch, "the type '" + element_ + "' has too long a name for HDF5");
  }
  const auto extents = array_.extents().span();
  extents_.assign(extents.begin(), extents.end());
  bytes_ = array_.bytes();
}

void H5Content::take_text(const Record& text) {
  if (!is_utf8(text.text()) || text.text().find('\0') != std::string_view::npos) {
    throw Error(Errc::type_mismatch,
                "a text is not UTF-8, or has a byte 0, where a text of HDF5 ends; save it as bytes");
  }
  is_texts_ = true;
  texts_.push_back(text.text().data());  // with a zero behind it
}

Identifier H5Content::type() const {
  const std::string what = "making a type";
  if (is_texts_) {
    Identifier type = copy_of(H5T_C_S1);
    check(H5Tset_size(type.get(), H5T_VARIABLE), what);
    check(H5Tset_cset(type.get(), H5T_CSET_UTF8), what);
    return type;
  }
  if (element_ == "bool") {
    return h5_boolean_type();
  }
  if (is_number(element_)) {
    return number_in_memory(element_);
  }
  Identifier opaque(H5Tcreate(H5T_OPAQUE, static_cast<std::size_t>(element_bytes_)), H5Tclose, what);
  check(H5Tset_tag(opaque.get(), element_.c_str()), what);
  return opaque;
}

}  // namespace locum::storage
