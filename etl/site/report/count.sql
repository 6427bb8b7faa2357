SELECT count({column}) FROM {rows}
