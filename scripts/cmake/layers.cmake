# Layers as compile errors: every layer sees an include directory that holds nothing but itself, and
# gets those of other layers only by linking to them. Including what is not linked does not compile.
#
#   tidemark_layer(NAME SOURCES ... PROTOS ... PUBLIC libs... PRIVATE libs...)
# makes the static library tidemark_NAME out of the folder NAME.
function(tidemark_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PROTOS;PUBLIC;PRIVATE" ${ARGN})
  set(target tidemark_${name})
  set(door ${CMAKE_BINARY_DIR}/layers/${name})
  file(MAKE_DIRECTORY ${door})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${name} ${door}/${name} SYMBOLIC)

  if(ARG_PROTOS)
    set(generated ${CMAKE_BINARY_DIR}/gen/${name})
    file(MAKE_DIRECTORY ${generated})
    set(generated_sources)
    foreach(proto ${ARG_PROTOS})
      string(REGEX REPLACE "\\.proto$" "" stem ${name}/${proto})
      # Rooted at the source directory, so that imports and includes read "events/v1/sale...".
      add_custom_command(
        OUTPUT ${generated}/${stem}.pb.cc ${generated}/${stem}.pb.h
        COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR} --cpp_out=${generated} ${name}/${proto}
        WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
        COMMENT "protoc ${name}/${proto}" VERBATIM)
      list(APPEND generated_sources ${generated}/${stem}.pb.cc ${generated}/${stem}.pb.h)
    endforeach()
    add_library(${target}_proto STATIC ${generated_sources})
    target_include_directories(${target}_proto SYSTEM PUBLIC ${generated})
    target_link_libraries(${target}_proto PUBLIC protobuf::libprotobuf)
    target_compile_options(${target}_proto PRIVATE -w)
    foreach(lib ${ARG_PUBLIC})
      if(TARGET ${lib}_proto)
        target_link_libraries(${target}_proto PUBLIC ${lib}_proto)
      endif()
    endforeach()
  endif()

  if(ARG_SOURCES)
    add_library(${target} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE tidemark_warnings ${ARG_PRIVATE})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${target} ${scope} ${door})
  target_link_libraries(${target} ${scope} ${ARG_PUBLIC})
  if(ARG_PROTOS)
    target_link_libraries(${target} ${scope} ${target}_proto)
  endif()
endfunction()
