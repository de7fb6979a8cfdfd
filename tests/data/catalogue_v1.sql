-- The catalogue of a lirich of schema version 1, as SQLite's .dump; never change it.
BEGIN TRANSACTION;
CREATE TABLE analysis (
	cell VARCHAR NOT NULL, 
	run INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (cell, run)
);
INSERT INTO analysis (cell, run, key, document) VALUES('SC-1',0,'a1','{"cell":"SC-1","created_unix_second":1.0,"cycles_curve":"0e08bc2ce9bff84b3909795d7859e7b7030e47990b1b4d114d9460e45f0d905e","key":"a1","run":0,"settings_hash":"0000000000000000000000000000000000000000000000000000000000000000","steps_curve":"0e08bc2ce9bff84b3909795d7859e7b7030e47990b1b4d114d9460e45f0d905e","tests":["t1"],"version":"0.1.0"}');
CREATE TABLE cell (
	"key" VARCHAR NOT NULL, 
	sample VARCHAR, 
	document TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO cell (key, sample, document) VALUES('SC-1','SC','{"active_mass_mg":2.5,"electrode":"cathode","key":"SC-1","sample":"SC"}');
INSERT INTO cell (key, sample, document) VALUES('PC-2','PC','{"active_mass_mg":2.5,"electrode":"cathode","key":"PC-2","sample":"PC"}');
CREATE TABLE correction (
	cell VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	created_unix_second FLOAT NOT NULL, 
	cleared_unix_second FLOAT, 
	document TEXT NOT NULL, 
	PRIMARY KEY (cell, number)
);
INSERT INTO correction (cell, number, created_unix_second, cleared_unix_second, document) VALUES('SC-1',1,1.0,2.0,'{"segment":1}');
INSERT INTO correction (cell, number, created_unix_second, cleared_unix_second, document) VALUES('SC-1',2,3.0,NULL,'{"segment":2}');
CREATE TABLE migration (
	number INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	lirich_version VARCHAR NOT NULL, 
	unix_second FLOAT NOT NULL, 
	PRIMARY KEY (number)
);
INSERT INTO migration (number, name, lirich_version, unix_second) VALUES(1,'catalogue','0.1.0',1763800000.0);
CREATE TABLE sample (
	"key" VARCHAR NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO sample (key, document) VALUES('SC','{"key":"SC","morphology":"SC"}');
CREATE TABLE test (
	"key" VARCHAR NOT NULL, 
	cell VARCHAR NOT NULL, 
	raw_sha256 VARCHAR NOT NULL, 
	curve VARCHAR NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO test (key, cell, raw_sha256, curve, document) VALUES('t1','SC-1','925061a2c2678d8c83c9c81159067bbd12d67bf1fd31644a63e01e0ca8cc8e13','0e08bc2ce9bff84b3909795d7859e7b7030e47990b1b4d114d9460e45f0d905e','{"cell":"SC-1","confidence":1.0,"curve":"0e08bc2ce9bff84b3909795d7859e7b7030e47990b1b4d114d9460e45f0d905e","key":"t1","raw":{"name":"one.csv","sha256":"925061a2c2678d8c83c9c81159067bbd12d67bf1fd31644a63e01e0ca8cc8e13","size":25},"reader":"lab","reader_version":"1","rows":50}');
CREATE TABLE value (
	owner VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	quantity VARCHAR NOT NULL, 
	subject_kind VARCHAR NOT NULL, 
	subject_key VARCHAR NOT NULL, 
	origin VARCHAR NOT NULL, 
	value FLOAT NOT NULL, 
	document TEXT NOT NULL, 
	PRIMARY KEY (owner, position)
);
INSERT INTO value (owner, position, quantity, subject_kind, subject_key, origin, value, document) VALUES('cell/SC-1/0',0,'initial_coulombic_efficiency','cell','SC-1','measured',83.4,'{"conditions":{"voltage_lower_v":2.0,"voltage_upper_v":4.8},"interval":{"high":83.9,"low":82.9,"method":"made up"},"origin":"measured","provenance":{"code":"store_lab.value","files":["925061a2c2678d8c83c9c81159067bbd12d67bf1fd31644a63e01e0ca8cc8e13"],"parameters":{"a":1},"version":"0"},"quantity":"initial_coulombic_efficiency","subject":{"key":"SC-1","kind":"cell"},"value":83.4}');
INSERT INTO value (owner, position, quantity, subject_kind, subject_key, origin, value, document) VALUES('cell/SC-1/0',1,'mean_discharge_voltage_v','cell','SC-1','measured',3.739,'{"conditions":{"cycle":1,"voltage_lower_v":2.0,"voltage_upper_v":4.8},"interval":{"high":4.239,"low":3.239,"method":"made up"},"origin":"measured","provenance":{"code":"store_lab.value","files":["925061a2c2678d8c83c9c81159067bbd12d67bf1fd31644a63e01e0ca8cc8e13"],"parameters":{"a":1},"version":"0"},"quantity":"mean_discharge_voltage_v","subject":{"key":"SC-1","kind":"cell"},"value":3.739}');
INSERT INTO value (owner, position, quantity, subject_kind, subject_key, origin, value, document) VALUES('source/literature',0,'voltage_decay_mv_per_cycle','cell','SC','measured',1.1,'{"conditions":{"voltage_lower_v":2.0,"voltage_upper_v":4.8},"interval":{"high":1.6,"low":0.6000000000000001,"method":"made up"},"origin":"measured","provenance":{"code":"store_lab.value","parameters":{"a":1},"version":"0"},"quantity":"voltage_decay_mv_per_cycle","subject":{"key":"SC","kind":"cell"},"value":1.1}');
CREATE TABLE value_source (
	source VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	PRIMARY KEY (source)
);
INSERT INTO value_source (source, number) VALUES('literature',1);
CREATE TABLE workspace (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO workspace (id, name) VALUES('11111111111111111111111111111111','old');
CREATE INDEX ix_cell_sample ON cell (sample);
CREATE INDEX ix_test_raw_sha256 ON test (raw_sha256);
CREATE INDEX ix_test_curve ON test (curve);
CREATE INDEX ix_test_cell ON test (cell);
CREATE INDEX ix_analysis_key ON analysis ("key");
CREATE INDEX ix_value_quantity ON value (quantity, origin);
CREATE INDEX ix_value_origin ON value (origin);
CREATE INDEX ix_value_subject ON value (subject_kind, subject_key);
COMMIT;
