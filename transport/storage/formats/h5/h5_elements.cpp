#include "transport/storage/formats/h5/h5_elements.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "transport/storage/formats/h5/h5_heap.hpp"
#include "transport/storage/formats/h5/h5_value.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/hdf5/dataset.hpp"

namespace locum::storage {

namespace {

const std::string h5_reading_elements = "reading the elements of a dataset";
constexpr std::uint64_t h5_bytes_of_turn = std::uint64_t{16} << 20U;

/// The memory of the texts of a dataset: as much as their file at most, which has each of them.
class H5TextMemory {
 public:
  H5TextMemory(std::uint64_t file_bytes, std::uint64_t texts) : left_(file_bytes + texts) {}

  static void* allocate(std::size_t bytes, void* self) noexcept {
    return static_cast<H5TextMemory*>(self)->take(bytes);
  }
  static void free(void* /*memory*/, void* /*self*/) noexcept {}
  [[nodiscard]] bool is_exceeded() const noexcept { return is_exceeded_; }

 private:
  void* take(std::size_t bytes) noexcept {
    if (bytes > left_) {
      is_exceeded_ = true;
      return nullptr;
    }
    left_ -= bytes;
    try {
      return texts_.emplace_back(std::make_unique_for_overwrite<char[]>(bytes)).get();
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }

  std::uint64_t left_;
  bool is_exceeded_ = false;
  std::vector<std::unique_ptr<char[]>> texts_;
};

/// Opens the dataset again that a path led to.
Identifier open_h5_again(const H5File& file, const H5Dataset& dataset) {
  Identifier opened(H5Dopen2(file.id().get(), dataset.path.c_str(), H5P_DEFAULT), H5Dclose,
                    h5_reading_elements);
  require_h5_shape(opened, dataset);
  return opened;
}

}  // namespace

Record H5Elements::read(const H5Dataset& dataset) const {
  try {
    if (dataset.type.kind != H5Type::Kind::fields) {
      return value(dataset, dataset.type);
    }
    Record members = Record::members({});
    for (const auto& [name, type] : dataset.type.fields) {
      members.set(name, value(dataset, type));
    }
    return members;
  } catch (const Error& error) {
    throw Error(error.code(), "in " + quoted_name(dataset.path) + ": " + error.text(), error.detail());
  }
}

Record H5Elements::value(const H5Dataset& dataset, const H5Type& type) const {
  switch (type.kind) {
    case H5Type::Kind::fixed_text:
    case H5Type::Kind::text:
      return texts(dataset, type);
    case H5Type::Kind::bytes: {
      Record::Bytes bytes(static_cast<std::size_t>(dataset.elements * type.stored_bytes));
      read_stored(dataset, type, bytes);
      return bytes;
    }
    default:
      return array(dataset, type);
  }
}

Record H5Elements::array(const H5Dataset& dataset, const H5Type& type) const {
  std::vector<std::uint64_t> whole = dataset.extents;
  whole.insert(whole.end(), type.inner.begin(), type.inner.end());
  if (whole.empty()) {  // a number, which needs no memory of the caller
    std::vector<std::byte> bytes(static_cast<std::size_t>(type.stored_bytes));
    read_stored(dataset, type, bytes);
    const ArrayDraft draft = ArrayDraft::make(type.element, {}).value();
    if (type.kind == H5Type::Kind::half) {
      widen_h5_halves(type, bytes, draft.bytes());
    } else {
      finish_h5_elements(type, bytes);
      std::ranges::copy(bytes, draft.bytes().begin());
    }
    return h5_scalar(ArrayDraft(draft).finish());
  }
  if (Array shown = in_place(dataset)) {
    return shown;
  }
  auto draft = make_(type.element, h5_extents(whole));
  if (!draft) {
    throw draft.error();
  }
  if (type.kind == H5Type::Kind::half) {
    std::vector<std::byte> halves(static_cast<std::size_t>(dataset.elements * 2));
    read_stored(dataset, type, halves);
    widen_h5_halves(type, halves, draft->bytes());
  } else {
    read_stored(dataset, type, draft->bytes());
    finish_h5_elements(type, draft->bytes());
  }
  return std::move(*draft).finish();
}

Array H5Elements::in_place(const H5Dataset& dataset) const {
  FileBytes& file = input_.file();
  const H5Type& type = dataset.type;
  const std::uint64_t bytes = dataset.elements * type.stored_bytes;
  if (!file.is_mapped() || type.kind != H5Type::Kind::element || !dataset.offset || type.turned_bytes != 0 ||
      type.element.name() == "bool" || bytes == 0) {
    return {};
  }
  const auto shown = file.in_place();
  if (!shown) {
    throw shown.error();
  }
  const auto all = shown->bytes;
  if (*dataset.offset > all.size() || bytes > all.size() - *dataset.offset) {
    return {};  // reading it says so
  }
  const std::byte* const first = all.data() + *dataset.offset;
  const std::uint64_t alignment = std::min<std::uint64_t>(type.element.alignment(), 16);
  if (reinterpret_cast<std::uintptr_t>(first) % alignment != 0 &&
      reinterpret_cast<std::uintptr_t>(first) % type.element.bytes() != 0) {
    return {};
  }
  return Array(shown->owner, ConstRawArray(first, type.element, h5_extents(dataset.whole_extents())));
}

Record H5Elements::texts(const H5Dataset& dataset, const H5Type& type) const {
  const auto count = static_cast<std::size_t>(dataset.elements);
  if (type.kind == H5Type::Kind::fixed_text) {
    std::vector<std::byte> bytes(count * static_cast<std::size_t>(type.stored_bytes));
    read_stored(dataset, type, bytes);
    return h5_nested_texts(h5_fixed_texts(type, bytes), dataset.extents);
  }
  if (dataset.is_unwritten) {
    return h5_nested_texts(std::vector<std::string>(count), dataset.extents);
  }
  if (dataset.offset && count > 0) {
    const H5Sizes sizes = [this] {
      const H5Turn turn;
      return H5Sizes::of(file_);
    }();
    const std::uint64_t file_bytes = input_.file().size_bytes();
    if (count > file_bytes / sizes.text_bytes()) {
      throw Error(Errc::corrupt, "its texts are not in the file; it is damaged or incomplete");
    }
    std::vector<std::byte> references(count * sizes.text_bytes());
    read_stored(dataset, type, references);
    return h5_nested_texts(H5Heap(input_.file(), sizes).texts(references), dataset.extents);
  }
  std::vector<const char*> made(count);
  H5TextMemory memory(input_.file().size_bytes(), count);
  if (count > 0) {
    const H5Turn turn;
    const Identifier opened = open_h5_again(file_, dataset);
    const Identifier transfer(H5Pcreate(H5P_DATASET_XFER), H5Pclose, h5_reading_elements);
    check(H5Pset_vlen_mem_manager(transfer.get(), &H5TextMemory::allocate, &memory, &H5TextMemory::free,
                                  &memory),
          h5_reading_elements);
    const herr_t status =
        H5Dread(opened.get(), type.in_memory.get(), H5S_ALL, H5S_ALL, transfer.get(), made.data());
    if (memory.is_exceeded()) {
      throw Error(Errc::corrupt, "its texts are longer than the file; it is damaged, or made to do harm");
    }
    check(status, h5_reading_elements);
  }
  return h5_nested_texts(h5_made_texts(made), dataset.extents);
}

void H5Elements::read_stored(const H5Dataset& dataset, const H5Type& type, std::span<std::byte> into) const {
  if (into.empty()) {
    return;
  }
  if (dataset.offset) {
    if (auto done = input_.file().read(*dataset.offset, into); !done) {
      throw done.error();
    }
    return;
  }
  if (dataset.extents.empty()) {
    const H5Turn turn;
    const Identifier opened = open_h5_again(file_, dataset);
    check(H5Dread(opened.get(), type.in_memory.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, into.data()),
          h5_reading_elements);
    return;
  }
  for (std::uint64_t row = 0; row < dataset.extents[0];) {
    row += read_rows(dataset, type, row, into);
  }
}

std::uint64_t H5Elements::read_rows(const H5Dataset& dataset, const H5Type& type, std::uint64_t row,
                                    std::span<std::byte> into) const {
  const H5Turn turn;
  const Identifier opened = open_h5_again(file_, dataset);
  const std::uint64_t row_bytes = into.size() / dataset.extents[0];
  // Whole chunks, so that none is decompressed twice.
  const std::uint64_t fitting = std::max<std::uint64_t>(h5_bytes_of_turn / row_bytes, 1);
  const std::uint64_t left = dataset.extents[0] - row;
  const std::uint64_t rows = std::min(
      fitting < dataset.chunk_rows ? dataset.chunk_rows : fitting - fitting % dataset.chunk_rows, left);
  std::vector<hsize_t> start(dataset.extents.size(), 0);
  std::vector<hsize_t> count(dataset.extents.begin(), dataset.extents.end());
  start[0] = row;
  count[0] = rows;
  const Identifier space(H5Dget_space(opened.get()), H5Sclose, h5_reading_elements);
  check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
        h5_reading_elements);
  const Identifier memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), H5Sclose,
                          h5_reading_elements);
  check(H5Dread(opened.get(), type.in_memory.get(), memory.get(), space.get(), H5P_DEFAULT,
                into.data() + row * row_bytes),
        h5_reading_elements);
  return rows;
}

}  // namespace locum::storage
