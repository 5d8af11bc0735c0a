# What Doxygen reads of a header, line by line: without overloads that are there to be refused while compiling, …
/\/\/\/ Refused while compiling/,/^  }$/ s/.*//
s/^ *requires(!\(detail::is_call_option<T>\|std::is_[a-z_<>]*\))$//
# … with the environment twins of options, …
s|  // \(LOCUM_[A-Z_]*\)\(.*\)$|  /**< Environment: `\1`\2 */|
# … and without the namespace of what the page "Words of the signatures" explains.
s/\<detail:://g
