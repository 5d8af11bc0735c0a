#include "transport/storage/formats/tiff/tiff_contents.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "transport/storage/formats/text/format_options.hpp"

namespace locum::storage {

namespace {

Result<std::vector<TiffPage>> tiff_pages_of(TiffInput& input) {
  std::vector<TiffPage> pages;
  for (;;) {
    auto page = tiff_page_of(input.handle(), pages.size());
    if (!page) {
      return page.error();
    }
    pages.push_back(std::move(*page));
    if (::TIFFLastDirectory(input.handle()) != 0) {
      return pages;
    }
    input.messages().clear();
    if (::TIFFReadDirectory(input.handle()) != 1) {
      return input.error(Errc::corrupt, "the directory behind page " + std::to_string(pages.size() - 1) +
                                            " cannot be read; is the file complete?");
    }
  }
}

/// Checks that the file is large enough for what its pages describe, before memory is made for them.
Result<void> check_tiff_sizes(const std::vector<TiffPage>& pages, std::uint64_t stacked,
                              std::uint64_t file_bytes) {
  std::uint64_t blocks = 0;
  double parts = 0;  // of the file
  for (const TiffPage& page : pages) {
    std::uint64_t bytes = 0;
    std::uint64_t most = 0;
    const bool is_too_large = __builtin_mul_overflow(page.bytes, stacked, &bytes) ||
                              (!__builtin_mul_overflow(file_bytes, tiff_ratio(page), &most) && bytes > most);
    if (is_too_large || __builtin_add_overflow(blocks, page.blocks, &blocks) || blocks > file_bytes) {
      return Error(Errc::corrupt, "the directory at byte " + std::to_string(page.offset) + " describes " +
                                      std::to_string(page.width) + " x " + std::to_string(page.height) +
                                      " pixels of " + page.type_name() + ", which " +
                                      std::to_string(file_bytes) +
                                      " bytes cannot hold by its compression; is the file complete?");
    }
    parts += most == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(most);
  }
  if (parts > 1) {
    return Error(Errc::corrupt, "the " + std::to_string(pages.size()) +
                                    " pages describe more elements together than " +
                                    std::to_string(file_bytes) +
                                    " bytes can hold by their compression; they share their data, or the "
                                    "file is not complete");
  }
  return {};
}

/// Keeps the pages that are loaded.
Result<void> choose_tiff_pages(TiffContents& contents, std::vector<TiffPage> all, const Record& options) {
  const FormatOptions chosen(options);
  if (chosen.has("page")) {
    const auto number = chosen.count("page", 0);
    if (!number) {
      return number.error();
    }
    if (*number >= all.size()) {
      return Error(Errc::invalid_argument, "the file has the pages 0 to " + std::to_string(all.size() - 1) +
                                               ", and no page " + std::to_string(*number) +
                                               "; the call info tells how many a file has");
    }
    contents.pages = {all[static_cast<std::size_t>(*number)]};
    return {};
  }
  contents.left_out = std::erase_if(all, [](const TiffPage& page) { return page.is_reduced; });
  contents.pages = std::move(all);
  if (contents.pages.empty()) {
    return Error(
        Errc::unsupported,
        "all pages of the file are smaller copies of others, or masks; the option page = 0 loads the "
        "first one");
  }
  return {};
}

/// Finds images that have no directory of their own.
Result<void> find_tiff_stack(TiffContents& contents, std::size_t directories, bool is_one_chosen) {
  if (directories != 1) {
    return {};
  }
  const TiffPage& page = contents.pages.front();
  const auto images = contents.description.images(std::uint64_t{page.width} * page.height * page.samples);
  if (!images || *images == 1) {
    return images ? Result<void>() : images.error();
  }
  if (is_one_chosen) {
    return Error(Errc::unsupported,
                 "the file has " + std::to_string(*images) +
                     " images under one directory; load them all, without the option page");
  }
  if (page.compression != COMPRESSION_NONE || page.is_tiled || page.is_separate || page.bits < 8) {
    return Error(
        Errc::unsupported,
        "the description tells of " + std::to_string(*images) +
            " images, but the file has one directory, whose image is compressed, tiled, in planes or "
            "of bits; save it with a directory for each image");
  }
  contents.stacked = *images;
  return {};
}

/// Returns whether an option is given, which takes one word only.
Result<bool> tiff_choice_of(const Record& options, std::string_view name, std::string_view word) {
  const FormatOptions given(options);
  if (!given.has(name)) {
    return false;
  }
  const auto chosen = given.word(name, {word}, word);
  return chosen ? Result<bool>(true) : chosen.error();
}

Record tiff_extents_record(const Extents& extents) {
  Record::List list;
  for (const std::uint64_t extent : extents.span()) {
    list.emplace_back(extent);
  }
  return Record::list(std::move(list));
}

void describe_tiff_page(const TiffPage& page, const Extents& extents, Record& into) {
  into.set("type", page.type_name());
  into.set("extents", tiff_extents_record(extents));
  into.set("compression", tiff_compression_name(page.compression));
}

}  // namespace

bool TiffContents::is_uniform() const noexcept {
  return std::ranges::all_of(pages, [this](const TiffPage& page) { return page.is_alike(pages.front()); });
}

Extents TiffContents::extents() const noexcept {
  const TiffPage& page = pages.front();
  if (images() == 1) {
    return page.extents();
  }
  return page.samples > 1 ? Extents(images(), page.height, page.width, page.samples)
                          : Extents(images(), page.height, page.width);
}

Result<TiffContents> read_tiff_contents(TiffInput& input, const Record& options) {
  const auto half = tiff_choice_of(options, "half", "f32");
  const auto palette = tiff_choice_of(options, "palette", "indices");
  if (!half || !palette) {
    return !half ? half.error() : palette.error();
  }
  const TiffChoices choices{.half_as_f32 = *half, .palette_as_indices = *palette};
  TiffContents contents;
  contents.description = TiffDescription::of(input.handle());
  auto all = tiff_pages_of(input);
  if (!all) {
    return all.error();
  }
  const std::size_t directories = all->size();
  if (auto chosen = choose_tiff_pages(contents, std::move(*all), options); !chosen) {
    return chosen.error();
  }
  for (const TiffPage& page : contents.pages) {
    if (auto good = check_tiff_page(page, choices); !good) {
      return good.error();
    }
  }
  if (auto found = find_tiff_stack(contents, directories, FormatOptions(options).has("page")); !found) {
    return found.error();
  }
  if (auto good = check_tiff_sizes(contents.pages, contents.stacked, input.file().size_bytes()); !good) {
    return good.error();
  }
  return contents;
}

Record describe_tiff(const TiffContents& contents) {
  Record record = Record(RecordMembers());
  if (contents.is_uniform()) {
    describe_tiff_page(contents.pages.front(), contents.extents(), record);
  } else {
    Record::List each;
    for (const TiffPage& page : contents.pages) {
      describe_tiff_page(page, page.extents(), each.emplace_back(Record(RecordMembers())));
    }
    record.set("each", Record::list(std::move(each)));
  }
  record.set("pages", contents.images());
  if (contents.left_out > 0) {
    record.set("left out", contents.left_out);
  }
  if (!contents.description.text().empty()) {
    record.set("description", contents.description.text());
  }
  if (std::string axes = contents.description.axes(); !axes.empty()) {
    record.set("axes", std::move(axes));
  }
  return record;
}

}  // namespace locum::storage
