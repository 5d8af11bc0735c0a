#include "transport/storage/formats/h5/h5_heap.hpp"

#include <algorithm>
#include <string_view>

namespace locum::storage {

namespace {

std::uint64_t h5_number(std::span<const std::byte> bytes, std::size_t at, std::size_t count) noexcept {
  std::uint64_t number = 0;
  for (std::size_t byte = std::min<std::size_t>(count, 8); byte-- > 0;) {
    number = number << 8U | std::to_integer<std::uint64_t>(bytes[at + byte]);
  }
  return number;
}

Error h5_heap_error(std::uint64_t address, const std::string& why) {
  return Error(Errc::corrupt,
               "the heap of texts at byte " + std::to_string(address) + " " + why + "; the file is damaged");
}

}  // namespace

H5Sizes H5Sizes::of(const H5File& file) {
  const std::string what = "reading how an HDF5 file is made";
  const Identifier creation(H5Fget_create_plist(file.id().get()), H5Pclose, what);
  H5Sizes sizes;
  hsize_t user_block = 0;
  check(H5Pget_sizes(creation.get(), &sizes.address_bytes, &sizes.length_bytes), what);
  check(H5Pget_userblock(creation.get(), &user_block), what);
  sizes.base = user_block;
  return sizes;
}

H5Heap::H5Heap(FileBytes& file, const H5Sizes& sizes)
    : file_(file), sizes_(sizes), left_to_read_(file.size_bytes()), left_to_return_(file.size_bytes()) {}

std::vector<std::string> H5Heap::texts(std::span<const std::byte> references) {
  std::vector<std::string> texts;
  texts.reserve(references.size() / sizes_.text_bytes());
  for (; references.size() >= sizes_.text_bytes(); references = references.subspan(sizes_.text_bytes())) {
    texts.push_back(text(references.first(sizes_.text_bytes())));
  }
  return texts;
}

std::string H5Heap::text(std::span<const std::byte> reference) {
  const std::uint64_t length = h5_number(reference, 0, 4);
  const std::uint64_t address = h5_number(reference, 4, sizes_.address_bytes);
  const std::uint64_t number = h5_number(reference, 4 + sizes_.address_bytes, 4);
  if (length == 0 || address == 0) {
    return {};
  }
  const Collection& found = collection(address);
  const auto object = found.objects.find(number);
  if (number == 0 || object == found.objects.end() || object->second.second < length) {
    throw h5_heap_error(address,
                        "has no text " + std::to_string(number) + " of " + std::to_string(length) + " bytes");
  }
  if (length > left_to_return_) {
    throw Error(Errc::corrupt, "its texts are longer than the file; it is damaged, or made to do harm");
  }
  left_to_return_ -= length;
  const std::string_view whole(reinterpret_cast<const char*>(found.bytes.data()) + object->second.first,
                               static_cast<std::size_t>(length));
  return std::string(whole.substr(0, whole.find('\0')));
}

const H5Heap::Collection& H5Heap::collection(std::uint64_t address) {
  const auto known = collections_.find(address);
  if (known != collections_.end()) {
    return known->second;
  }
  const std::size_t head_bytes = 8 + sizes_.length_bytes;
  const std::uint64_t file_bytes = file_.size_bytes();
  if (address > file_bytes || sizes_.base > file_bytes - address ||
      head_bytes > file_bytes - address - sizes_.base) {
    throw h5_heap_error(address, "is outside the file");
  }
  const std::uint64_t begin = sizes_.base + address;
  std::vector<std::byte> head(head_bytes);
  file_.read(begin, head).value();
  const std::string_view magic("GCOL\x01", 5);
  if (!std::ranges::equal(std::as_bytes(std::span(magic)), std::span(head).first(magic.size()))) {
    throw h5_heap_error(address, "does not begin as a heap does");
  }
  const std::uint64_t bytes = h5_number(head, 8, sizes_.length_bytes);
  if (bytes < head_bytes || bytes > file_bytes - begin || bytes > left_to_read_) {
    throw h5_heap_error(address, "is larger than the file");
  }
  left_to_read_ -= bytes;
  Collection found;
  found.bytes.resize(static_cast<std::size_t>(bytes));
  file_.read(begin, found.bytes).value();
  find_objects(found, address);
  return collections_.emplace(address, std::move(found)).first->second;
}

void H5Heap::find_objects(Collection& found, std::uint64_t address) const {
  const std::size_t head_bytes = 8 + sizes_.length_bytes;  // of a collection, and of an object
  const std::span<const std::byte> bytes = found.bytes;
  for (std::size_t at = head_bytes; bytes.size() - at >= head_bytes;) {
    const std::uint64_t number = h5_number(bytes, at, 2);
    const std::uint64_t size = h5_number(bytes, at + 8, sizes_.length_bytes);
    if (number == 0) {
      return;  // the rest is free
    }
    const std::size_t first = at + head_bytes;
    if (size > bytes.size() - first) {
      throw h5_heap_error(address, "has a text that is longer than the heap");
    }
    found.objects.try_emplace(number, first, static_cast<std::size_t>(size));
    const std::size_t whole = (static_cast<std::size_t>(size) + 7) / 8 * 8;
    if (whole > bytes.size() - first) {
      return;
    }
    at = first + whole;
  }
}

bool h5_heap_is_sound(std::span<const std::byte> heap, std::size_t length_bytes) noexcept {
  const std::size_t head_bytes = 8 + length_bytes;
  constexpr std::string_view magic("GCOL\x01", 5);
  if ((length_bytes != 4 && length_bytes != 8) || heap.size() < head_bytes ||
      !std::ranges::equal(std::as_bytes(std::span(magic)), heap.first(magic.size()))) {
    return true;  // HDF5 refuses it
  }
  const std::uint64_t size = h5_number(heap, 8, length_bytes);
  if (size > heap.size()) {
    return true;  // the beginning, from which HDF5 learns how much to read
  }
  std::uint64_t at = head_bytes;
  while (size >= at && size - at >= head_bytes) {
    const std::uint64_t room = size - at;
    const std::uint64_t bytes = h5_number(heap, static_cast<std::size_t>(at) + 8, length_bytes);
    const bool is_free = h5_number(heap, static_cast<std::size_t>(at), 2) == 0;
    if (bytes > room - (is_free ? 0 : head_bytes) || (is_free && bytes < head_bytes)) {
      return false;
    }
    at += is_free ? bytes : std::min(room, head_bytes + (bytes + 7) / 8 * 8);
  }
  return size >= at;
}

}  // namespace locum::storage
